// Starts GraphiQL on the router's own endpoint. The token stays in the tab: nothing is written to the browser's storage
// that another user of the machine could find.
const first = `# 1. Sign in (demo accounts: doctor@demo.healthbridge.test, …).
# 2. Put the token under "Headers": {"Authorization": "Bearer …"}
# 3. Ask for a chart.

mutation SignIn {
  signIn(input: { email: "doctor@demo.healthbridge.test", password: "healthbridge-demo" }) {
    accessToken
    userErrors { code message }
  }
}

query Patients {
  patients(first: 5) {
    nodes { id mrn name { text } images(first: 2) { nodes { modality state } } totalCost { byCurrency { currency outstanding { amount } } } }
  }
}
`;

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql" }),
    defaultQuery: first,
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
);
