// Bundles GraphiQL with its editor's workers into router/assets/graphiql, compressed, and writes down beside it what it was
// made from. Run by `./dev web`; nobody needs it who only builds the router.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "assets", "graphiql");

const bundled = await build({
  absWorkingDir: here,
  entryPoints: {
    graphiql: "src/graphiql.jsx",
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
  },
  bundle: true,
  minify: true,
  format: "iife",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".ttf": "dataurl" },
  legalComments: "none",
  metafile: true,
  write: false,
  outdir: "out",
  target: "es2022",
  logLevel: "warning",
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const file of bundled.outputFiles) {
  const name = file.path.split("/").at(-1);
  writeFileSync(join(out, `${name}.gz`), gzipSync(file.contents, { level: 9 }));
}

// Every package in the bundles, with its licence.
const packages = new Set(
  Object.keys(bundled.metafile.inputs)
    .map((path) => path.match(/^node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/)?.[1])
    .filter(Boolean),
);
const licences = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
  return `${name} ${version} (${license ?? "see below"})\n\n${text}\n`;
});
writeFileSync(join(out, "LICENSES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));

// A test compares this with the sources: bundles that are older than they are found by it.
const sources = ["build.mjs", "package-lock.json", ...readdirSync(join(here, "src")).sort().map((name) => `src/${name}`)];
const digest = createHash("sha256");
for (const source of sources) digest.update(readFileSync(join(here, source)));
writeFileSync(join(out, "SOURCES.sha256"), `${digest.digest("hex")}\n`);
