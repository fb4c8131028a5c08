use std::{fs, io, path::PathBuf, sync::Arc};

use healthbridge_letter::{Fonts, Letter, LetterError, Letterhead, Logo, LogoError, Rendered, render};
use tokio::{sync::Semaphore, task::JoinError};

use crate::settings::ReportSettings;

/// How many letters one process prints at once: each takes a processor.
const AT_ONCE: usize = 2;

/// What prints letters, away from whatever answers requests.
#[derive(Clone)]
pub struct Press {
    letterhead: Arc<Letterhead>,
    fonts: Fonts,
    turns: Arc<Semaphore>,
}

/// The letterhead cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the logo {file} cannot be printed")]
pub struct PressError {
    file: PathBuf,
    #[source]
    cause: LogoFileError,
}

/// What is wrong with the file of a logo.
#[derive(Debug, thiserror::Error)]
enum LogoFileError {
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    #[error(transparent)]
    NoPicture(#[from] LogoError),
}

/// A letter was not printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrintError {
    /// The letter itself could not be made.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// What printed it broke off.
    #[error("the printing broke off")]
    BrokenOff(#[from] JoinError),
}

impl Press {
    /// Reads the letterhead and finds the fonts. What cannot be printed for want of a font is told to the log.
    ///
    /// # Errors
    /// When the logo is no picture that can be printed.
    pub fn open(settings: &ReportSettings) -> Result<Self, PressError> {
        let head = &settings.letterhead;
        let read = |file: &PathBuf| {
            let logo = fs::read(file).map_err(LogoFileError::from).and_then(|bytes| Ok(Logo::read(bytes)?));
            logo.map_err(|cause| PressError { file: file.clone(), cause })
        };
        let logo = head.logo_file.as_ref().map(read).transpose()?;
        let letterhead = Letterhead { name: head.name.clone(), lines: head.lines.clone(), logo };
        let fonts = if settings.fonts.is_empty() { Fonts::of_the_system() } else { Fonts::find(&settings.fonts) };
        let missing = fonts.missing();
        if !missing.is_empty() {
            let scripts: Vec<&str> = missing.iter().map(|missing| missing.script).collect();
            let scripts = scripts.join(", ");
            tracing::warn!(
                scripts,
                "reports are printed in Latin, Greek and Cyrillic, and some other scripts have no font here: install \
                 Noto's (fonts-noto-core and fonts-noto-cjk on Debian), or name their folders in `reports.fonts`"
            );
        }
        Ok(Self { letterhead: Arc::new(letterhead), fonts, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Prints a letter. Whoever goes before it is done leaves it to be printed for nobody, in its turn.
    pub(crate) async fn print(&self, letter: Letter) -> Result<Rendered, PrintError> {
        let turn = self.turns.clone().acquire_owned().await.expect("nobody closes it");
        let Self { letterhead, fonts, .. } = self.clone();
        let printing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            render(&letter, &letterhead, &fonts)
        });
        Ok(printing.await??)
    }
}
