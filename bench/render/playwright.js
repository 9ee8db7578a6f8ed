// Shows pages with Playwright, and prints how many a second as one line of JSON.
//
//   node playwright.js CORE BROWSER URLS TABS fresh|reused
//
// CORE is the folder of playwright-core, URLS a file with one a line. `fresh` gives each page a context of its own, as a
// server must that shows pages of many; `reused` goes from page to page in the same tabs.
"use strict";
const fs = require("fs");
const [core, browserPath, urlsFile, tabsText, mode] = process.argv.slice(2);
const { chromium } = require(core);
const BLOCKED = new Set(["image", "font", "media"]);

async function show(page, url) {
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForSelector("#done", { state: "attached" });
  const html = await page.content();
  if (!html.includes("Item 199")) throw new Error(`${url} is not whole`);
  return html.length;
}

async function opened(context) {
  const page = await context.newPage();
  await page.route("**/*", (route) =>
    BLOCKED.has(route.request().resourceType()) ? route.abort() : route.continue());
  return page;
}

(async () => {
  const urls = fs.readFileSync(urlsFile, "utf8").split("\n").filter(Boolean);
  const tabs = Number(tabsText);
  const browser = await chromium.launch({ executablePath: browserPath, chromiumSandbox: false });
  const contexts = [];
  const worker = async (take) => {
    let page = null;
    for (let url = take(); url; url = take()) {
      if (mode === "fresh") {
        const context = await browser.newContext();
        await show(await opened(context), url);
        await context.close();
      } else {
        if (!page) {
          const context = await browser.newContext();
          contexts.push(context);
          page = await opened(context);
        }
        await show(page, url);
      }
    }
  };
  const run = async (list) => {
    const left = [...list];
    await Promise.all(Array.from({ length: tabs }, () => worker(() => left.shift())));
  };
  await run(urls.slice(0, tabs));
  const begun = process.hrtime.bigint();
  await run(urls);
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  await browser.close();
  console.log(JSON.stringify({ pages: urls.length, seconds }));
})().catch((error) => { console.error(error); process.exit(1); });
