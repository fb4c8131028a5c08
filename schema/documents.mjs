// What graphql-js, the reference, says of each document in healthbridge/tests/documents: the code that the mistake has with
// us, and where the reference sees it.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { buildSchema, getOperationAST, getVariableValues, parse, validate } from "graphql";

const folder = new URL("../healthbridge/tests/documents/", import.meta.url);
const text = readFileSync(new URL("documents.graphql", folder), "utf8");
const api = readFileSync(new URL("api.graphql", import.meta.url), "utf8");
const schema = buildSchema(api);

const places = (errors) => errors.map((error) => (error.locations ?? []).map(({ line, column }) => [line, column]));

function judge(query, variables, operationName) {
  let document;
  try {
    document = parse(query);
  } catch (error) {
    return { code: "GRAPHQL_PARSE_FAILED", places: places([error]) };
  }
  const errors = validate(schema, document);
  if (errors.length > 0) return { code: "GRAPHQL_VALIDATION_FAILED", places: places(errors) };
  const operation = getOperationAST(document, operationName);
  if (!operation) return { code: "OPERATION_RESOLUTION_FAILURE", places: [[]] };
  const values = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {});
  if (values.errors) return { code: "BAD_USER_INPUT", places: places(values.errors) };
  return { code: null, places: [] };
}

const judged = {};
for (const part of text.split(/^#- /m).slice(1)) {
  const [name, ...lines] = part.split("\n");
  let variables, operationName;
  while (/^#[vo] /.test(lines[0])) {
    const line = lines.shift();
    if (line.startsWith("#v ")) variables = JSON.parse(line.slice(3));
    else operationName = line.slice(3);
  }
  judged[name] = judge(lines.join("\n").replace(/\n$/, ""), variables, operationName);
}
// A test proves by this digest that these are the documents beside it.
const digest = createHash("sha256").update(text).digest("hex");
const rows = Object.entries(judged).map(([name, found]) => `  ${JSON.stringify(name)}: ${JSON.stringify(found)}`);
writeFileSync(
  new URL("graphql-js.json", folder),
  `{\n"digest": "${digest}",\n"documents": {\n${rows.join(",\n")}\n}}\n`,
);
console.log(`${rows.length} documents are judged by graphql-js`);
