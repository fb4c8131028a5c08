import { useState } from "react";

/** Who is signed in, or a form for it. */
export function SignIn({ session, user, demo }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [totp, setTotp] = useState("");
  const [refusal, setRefusal] = useState("");
  const [isBusy, setBusy] = useState(false);

  async function signIn(input) {
    setBusy(true);
    try {
      setRefusal((await session.signIn(input)) ?? "");
    } catch {
      setRefusal("The graph does not answer");
    }
    setPassword("");
    setTotp("");
    setBusy(false);
  }

  if (user) {
    return (
      <div className="session" role="status">
        <span>
          {user.email} <span className="roles">{user.roles.join(", ")}</span>
        </span>
        <button type="button" onClick={() => session.signOut()}>
          Sign out
        </button>
      </div>
    );
  }
  return (
    <form
      className="session"
      aria-label="Sign in"
      onSubmit={(event) => {
        event.preventDefault();
        signIn({ email, password, totp: totp || null });
      }}
    >
      {demo && (
        <select
          aria-label="Demo account"
          value=""
          disabled={isBusy}
          onChange={(event) => signIn({ email: event.target.value, password: demo.password })}
        >
          <option value="">Demo account…</option>
          {demo.accounts.map(({ email, who }) => (
            <option key={email} value={email}>
              {who}
            </option>
          ))}
        </select>
      )}
      <input
        type="email"
        aria-label="Email"
        placeholder="Email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <input
        type="password"
        aria-label="Password"
        placeholder="Password"
        autoComplete="current-password"
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <input
        className="totp"
        aria-label="One-time password, if the account has one"
        placeholder="Code"
        inputMode="numeric"
        autoComplete="one-time-code"
        value={totp}
        onChange={(event) => setTotp(event.target.value)}
      />
      <button type="submit" disabled={isBusy}>
        Sign in
      </button>
      <span className="refusal" role="alert">
        {refusal}
      </span>
    </form>
  );
}
