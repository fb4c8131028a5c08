// Composes the four subgraphs' SDL beside this file: supergraph.graphql and api.graphql, portable/supergraph.graphql for
// routers that take no @requiresScopes, and the manifest of the published operations.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { printExecutableGraphQLDocument } from "@graphql-tools/documents";
import { composeServices, compositionHasErrors } from "@theguild/federation-composition";
import { buildSchema, parse, printSchema, validate } from "graphql";

const here = (name) => new URL(name, import.meta.url);
const read = (name) => readFileSync(here(name), "utf8");
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function fail(errors, where) {
  for (const error of errors) console.error(`${where}: ${error.message}`);
  process.exit(1);
}

// Composes the SDL of a folder, writes its supergraph, and gives the schema that clients see.
function compose(folder) {
  const subgraphs = ["patients", "imaging", "diagnosis", "billing"].map((name, index) => ({
    name,
    sdl: read(`${folder}${name}.graphql`),
    url: `http://127.0.0.1:${8001 + index}/graphql`,
  }));
  const result = composeServices(subgraphs.map(({ name, sdl, url }) => ({ name, typeDefs: parse(sdl), url })));
  if (compositionHasErrors(result)) fail(result.errors, folder);
  // A test proves by this digest that the supergraph was composed from exactly the SDL beside it.
  const digest = sha256(subgraphs.map(({ name, sdl }) => `${name}\n${sdl}\n`).join(""));
  const head = `# Composed by ./dev schema; do not edit.\n# subgraphs-sha256: ${digest}\n\n`;
  writeFileSync(here(`${folder}supergraph.graphql`), head + result.supergraphSdl.trim() + "\n");
  return printSchema(buildSchema(result.publicSdl, { assumeValidSDL: true })) + "\n";
}

const api = compose("./");
writeFileSync(here("api.graphql"), api);
if (compose("./portable/") !== api) fail([new Error("clients would see another schema")], "portable");

// As graphql-codegen writes it: the id is the digest of the document as it prints it.
const schema = buildSchema(api);
const manifest = {};
for (const name of readdirSync(here("operations")).filter((name) => name.endsWith(".graphql")).sort()) {
  const document = parse(read(`operations/${name}`));
  const errors = validate(schema, document);
  if (errors.length > 0) fail(errors, name);
  const text = printExecutableGraphQLDocument(document);
  manifest[`sha256:${sha256(text)}`] = text;
}
writeFileSync(here("operations/persisted-documents.json"), JSON.stringify(manifest, null, 2) + "\n");
console.log("the supergraphs, api.graphql and the manifest of the operations are composed");
