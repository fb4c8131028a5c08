// Builds a small frontend as its developer would: `node frontend.mjs SCHEMA CHART FOLDER`, where the packages are installed.
// In the folder are then apollo.js, urql.js and relay.js.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { generate } = createRequire(`${process.cwd()}/`)("@graphql-codegen/cli");
const [schema, chart, folder] = process.argv.slice(2);
const modules = `${process.cwd()}/node_modules`;
cpSync(new URL("frontend", import.meta.url), folder, { recursive: true });
cpSync(schema, `${folder}/api.graphql`);
symlinkSync(modules, `${folder}/node_modules`);

const operations = `${folder}/operations.graphql`;
await generate({ schema, documents: [chart, operations], silent: true, generates: { [`${folder}/gql/`]: { preset: "client" } } }, true);

// Relay's compiler reads documents in modules, wants names after these, and has `@catch`.
const documents = `${readFileSync(chart, "utf8")}\n${readFileSync(operations, "utf8")}`
  .replace("pictures: images(first: 20)", "$& @catch")
  .split(/^(?=query|mutation)/m)
  .map((text) => text.replace(/^(query|mutation) (\w+)/, (_, kind, name) => `${kind} Operations${name}${kind === "query" ? "Query" : "Mutation"}`))
  .map((text) => `graphql\`${text}\`;`);
mkdirSync(`${folder}/relay`);
writeFileSync(`${folder}/relay/Operations.ts`, `import { graphql } from "relay-runtime";\n${documents.join("\n")}\n`);
const run = (file, ...args) =>
  execFileSync(process.execPath, [`${modules}/${file}`, ...args], { cwd: folder, stdio: ["ignore", process.stderr, process.stderr] });
run("relay-compiler/cli.js", "relay.config.json");
run("typescript/bin/tsc");
