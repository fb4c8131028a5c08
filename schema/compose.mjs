// Composes supergraph.graphql and api.graphql from the four subgraphs' SDL beside this file.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { composeServices, compositionHasErrors } from "@theguild/federation-composition";
import { buildSchema, parse, printSchema, validate } from "graphql";

const here = (name) => new URL(name, import.meta.url);
const subgraphs = ["patients", "imaging", "diagnosis", "billing"].map((name, index) => ({
  name,
  sdl: readFileSync(here(`${name}.graphql`), "utf8"),
  url: `http://127.0.0.1:${8001 + index}/graphql`,
}));

const result = composeServices(subgraphs.map(({ name, sdl, url }) => ({ name, typeDefs: parse(sdl), url })));
if (compositionHasErrors(result)) {
  for (const error of result.errors) console.error(error.message);
  process.exit(1);
}

// A test proves by this digest that the supergraph was composed from exactly the SDL beside it.
const digest = createHash("sha256");
for (const { name, sdl } of subgraphs) digest.update(`${name}\n${sdl}\n`);
const head = `# Composed by ./dev schema; do not edit.\n# subgraphs-sha256: ${digest.digest("hex")}\n\n`;
writeFileSync(here("supergraph.graphql"), head + result.supergraphSdl.trim() + "\n");
writeFileSync(here("api.graphql"), printSchema(buildSchema(result.publicSdl, { assumeValidSDL: true })) + "\n");

const api = buildSchema(readFileSync(here("api.graphql"), "utf8"));
for (const name of readdirSync(here("operations/"))) {
  const errors = validate(api, parse(readFileSync(here(`operations/${name}`), "utf8")));
  for (const error of errors) console.error(`${name}: ${error.message}`);
  if (errors.length > 0) process.exitCode = 1;
}
console.log("schema/supergraph.graphql and schema/api.graphql are composed");
