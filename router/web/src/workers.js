// The editor's workers come from the router, as all else does.
const WORKERS = { json: "json.worker.js", graphql: "graphql.worker.js" };

globalThis.MonacoEnvironment = {
  getWorker: (_, label) => new Worker(`/assets/${WORKERS[label] ?? "editor.worker.js"}`),
};
