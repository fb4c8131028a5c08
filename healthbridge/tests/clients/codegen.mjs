// Runs graphql-codegen's client preset, as a frontend's build does: `node codegen.mjs SCHEMA OPERATIONS FOLDER`, where the
// packages are installed. The folder has the manifest then, persisted-documents.json.
import { createRequire } from "node:module";

const { generate } = createRequire(`${process.cwd()}/`)("@graphql-codegen/cli");
const [schema, documents, folder] = process.argv.slice(2);
const client = { preset: "client", presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" } } };
await generate({ schema, documents, silent: true, generates: { [`${folder}/`]: client } }, true);
