//! Child processes that die with their parent and stop in order.
//!
//! Belongs here: starting, signalling and stopping a child. Does not belong here: what the child is for.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child as StdChild, Command, ExitStatus},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// A running child process.
///
/// It is in a process group of its own, so that Ctrl-C in a terminal reaches its parent alone, which then stops it in
/// order. On Linux it gets its stop signal from the kernel when the parent dies in any way.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    process: StdChild,
    stop_signal: Signal,
}

/// The signal that asks a child to stop.
#[derive(Clone, Copy, Debug)]
pub enum StopSignal {
    /// SIGTERM.
    Terminate,
    /// SIGINT: PostgreSQL's fast shutdown.
    Interrupt,
}

impl From<StopSignal> for Signal {
    fn from(signal: StopSignal) -> Self {
        match signal {
            StopSignal::Terminate => Self::TERM,
            StopSignal::Interrupt => Self::INT,
        }
    }
}

impl Child {
    /// Starts a child.
    pub fn spawn(name: &'static str, mut command: Command, stop: StopSignal) -> io::Result<Self> {
        let stop_signal = Signal::from(stop);
        command.process_group(0);
        die_with_parent(&mut command, stop_signal);
        let process = spawn_from_keeper(command)?;
        Ok(Self { name, process, stop_signal })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The exit status, once the child has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until the child ends.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks the child to stop, and kills it when it has not after `patience`.
    pub async fn stop(mut self, patience: Duration) -> io::Result<()> {
        self.signal(self.stop_signal);
        let deadline = Instant::now() + patience;
        while self.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                tracing::warn!(
                    child = self.name,
                    patience_ms = patience.as_millis(),
                    "a child did not stop: killing it"
                );
                self.process.kill()?;
                self.process.wait()?;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Kills the child at once, whatever it is doing, and waits until it is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.wait().await.map(drop)
    }

    fn signal(&mut self, signal: Signal) {
        // A child that was reaped has no id any more: the number may be somebody else's by now.
        if matches!(self.process.try_wait(), Ok(None)) {
            let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
            let sent = pid.map(|pid| kill_process(pid, signal));
            if let Some(Err(error)) = sent {
                tracing::warn!(child = self.name, %error, "a child could not be signalled");
            }
        }
    }
}

/// A child that is forgotten still ends.
impl Drop for Child {
    fn drop(&mut self) {
        self.signal(self.stop_signal);
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "code between fork and exec; it only makes two system calls")]
fn die_with_parent(command: &mut Command, signal: Signal) {
    let parent = rustix::process::getpid();
    let arrange = move || {
        rustix::process::set_parent_process_death_signal(Some(signal))?;
        // The parent may have died before the line above.
        if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(io::Error::other("the parent died")) }
    };
    // SAFETY: both calls are async-signal-safe and allocate nothing.
    unsafe {
        command.pre_exec(arrange);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command, _: Signal) {}

/// Lets SIGSEGV, SIGBUS and SIGABRT end the process at once, whatever handlers a library has set: a handler that returns
/// from a fault comes back to the faulty instruction, and the process spins instead of being started again.
#[expect(unsafe_code, reason = "no safe crate sets the default action of these signals")]
pub fn end_on_fault() {
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT] {
        // SAFETY: the default action has no code of ours that could run in a handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Allows as many open files as the system lets this process have: each connection is one.
pub fn allow_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

type Spawn = (Command, mpsc::Sender<io::Result<StdChild>>);

/// Linux sends the death signal when the *thread* that spawned the child ends. So one thread spawns, and it never ends.
fn spawn_from_keeper(command: Command) -> io::Result<StdChild> {
    static KEEPER: OnceLock<mpsc::Sender<Spawn>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Spawn>();
        std::thread::spawn(move || {
            for (mut command, answer) in receiver {
                drop(answer.send(command.spawn()));
            }
        });
        sender
    });
    let gone = || io::Error::other("the thread that spawns children is gone");
    let (answer, result) = mpsc::channel();
    keeper.send((command, answer)).map_err(|_| gone())?;
    result.recv().map_err(|_| gone())?
}
