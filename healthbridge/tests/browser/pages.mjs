// Opens the router's pages in Chromium as a newcomer would, and prints every fault that it finds, one a line; nothing means
// that all is well. node pages.mjs URL [FOLDER for pictures]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, pictures] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });

const faults = [];
const expect = (holds, fault) => holds || faults.push(fault);

async function open(path, { width, colorScheme, javaScriptEnabled = true }) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, javaScriptEnabled, bypassCSP: false });
  const page = await context.newPage();
  const name = `${path} at ${width} ${colorScheme}`;
  page.on("request", (request) => {
    const at = new URL(request.url());
    expect(["data:", "blob:"].includes(at.protocol) || at.origin === new URL(url).origin, `${name} loads ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`${name} says: ${message.text()}`));
  await page.goto(url + path);
  return { page, name };
}

/** What axe-core holds against the page, by WCAG 2.2 A and AA. The script is run beside the page's policy, not through it. */
async function audit(page, name, except = []) {
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), tags);
  for (const { id, nodes } of violations.filter(({ id }) => !except.includes(id))) {
    for (const node of nodes) faults.push(`${name}: ${id}: ${node.target.join(" ")}: ${node.any[0]?.message ?? node.failureSummary}`);
  }
}

const picture = (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });

for (const width of [360, 1280]) {
  for (const colorScheme of ["light", "dark"]) {
    const { page, name } = await open("/", { width, colorScheme });
    await page.locator("#parts li.ok").nth(4).waitFor();
    expect((await page.locator("#parts li").count()) === 5, `${name} shows not five parts`);
    expect((await page.locator("#parts li").nth(1).innerText()).match(/v\d+\.\d+/), `${name} shows no version`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide <= 0, `${name} is ${wide} px too wide`);
    await audit(page, name);
    await picture(page, `front-${width}-${colorScheme}`);
    await page.context().close();
  }
}

const { page: plain } = await open("/", { width: 1280, colorScheme: "light", javaScriptEnabled: false });
for (const text of ["doctor@demo.healthbridge.test", "PatientChart", "/readyz"]) {
  expect((await plain.locator("body").innerText()).includes(text), `the front page without script has no ${text}`);
}
for (const link of await plain.locator("a").evaluateAll((links) => links.map((link) => link.href))) {
  expect((await plain.request.get(link)).ok(), `the front page links to ${link}, which is not there`);
}

// A tab of GraphiQL has its button for closing inside, 20 px wide.
const graphiql = ["nested-interactive", "target-size"];
for (const [width, colorScheme] of [[360, "light"], [1280, "light"], [1280, "dark"]]) {
  const { page, name } = await open("/graphiql", { width, colorScheme });
  const run = page.getByRole("button", { name: /^Execute/ });
  await run.waitFor();
  await page.getByLabel("Email").fill("doctor@demo.healthbridge.test");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".refusal:not(:empty)").waitFor();
  await audit(page, `${name}, refused`, graphiql);
  await page.getByLabel("Demo account").selectOption("doctor@demo.healthbridge.test");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await run.click();
  await page.locator(".graphiql-response").getByText("\"DOCTOR\"").waitFor();
  await picture(page, `graphiql-${width}-${colorScheme}`);
  await page.getByRole("tab", { name: "PatientChart" }).click();
  await page.locator(".graphiql-query-editor").getByText("birthDate").waitFor();
  // GraphiQL reads the operations of a tab a moment after it has shown them.
  await page.waitForTimeout(1000);
  await run.click();
  await page.locator(".graphiql-response").getByText("\"mrn\"").waitFor();
  await audit(page, name, graphiql);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  expect(!/eyJ/.test(kept), `${name} keeps a token in the browser`);
  await page.context().close();
}

await browser.close();
for (const fault of new Set(faults)) console.log(fault);
