// GraphiQL on the router's own endpoint, with a sign-in box. Tokens stay in the memory of the page: nothing is written to the
// browser that another user of the machine could find.
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import "graphiql/style.css";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import "./graphiql.css";
import { Session } from "./session.js";
import { SignIn } from "./sign-in.jsx";
import "./workers.js";

const { operations, demo } = JSON.parse(document.getElementById("settings").textContent);
const session = new Session();

const welcome = `# 1. Sign in above. 2. Run this by Ctrl-Enter.
# The other tabs hold the published operations,
# the book on the left the documentation.

query Me {
  me {
    email
    roles
  }
}
`;

function Page() {
  const [user, setUser] = useState(null);
  session.onChange = setUser;
  return (
    <>
      <header className="bar">
        <a href="/">HealthBridge</a>
        <SignIn session={session} user={user} demo={demo} />
      </header>
      <main aria-label="GraphiQL">
        <GraphiQL
          fetcher={(parameters, options) => session.ask(parameters, options?.headers)}
          defaultTabs={[{ query: welcome }, ...operations.map(({ document, variables }) => ({ query: document, variables }))]}
          plugins={[HISTORY_PLUGIN]}
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
          storage={window.sessionStorage}
        />
      </main>
    </>
  );
}

createRoot(document.getElementById("graphiql")).render(<Page />);
