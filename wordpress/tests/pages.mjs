// The plugin's pages in a real browser: no serious finding of axe in what the plugin shows, nothing wider than
// the window, no id twice. Called by test_pages.py:
//
//     node pages.mjs URL PATH …        prints what is wrong as JSON, one entry a page; SHOTS=folder takes pictures (wordpress/assets)

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const tools = createRequire(process.env.PAGES_TOOLS);
const { chromium } = tools("playwright-core");
const AXE = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
const [url, ...paths] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
await page.goto(`${url}/wp-login.php`);
await page.fill("#user_login", "admin");
await page.fill("#user_pass", "a-password-of-a-test");
await Promise.all([page.waitForURL(/wp-admin/), page.click("#wp-submit")]);

const told = [];
for (const path of paths) {
  const wrong = { path, axe: [], wide: {}, ids: [] };
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${url}${path}`);
    wrong.wide[width] = await page.evaluate(() => document.documentElement.scrollWidth);
    if (process.env.SHOTS && width === 1280) {
      // The picture of the page on wordpress.org: no address of this machine.
      await page.evaluate(() => document.querySelectorAll("[type=url]").forEach((e) => (e.value = "https://lists.example.com")));
      await page.evaluate(() => document.querySelectorAll(".description").forEach((e) => (e.textContent = e.textContent.replace(/http:\S+/, "https://example.com/wp-json/livelist/v1/notify"))));
      await page.screenshot({ path: `${process.env.SHOTS}/screenshot-${paths.indexOf(path) + 1}.png`, fullPage: false });
    }
    await page.evaluate(AXE);
    const found = await page.evaluate(() => axe.run(document.querySelector(".livelist-wrap"), { resultTypes: ["violations"] }));
    for (const one of found.violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
      wrong.axe.push(`${one.id}: ${one.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
    }
  }
  wrong.ids = await page.evaluate(() => {
    const ids = [...document.querySelectorAll(".livelist-wrap [id]")].map((e) => e.id);
    return ids.filter((id, at) => ids.indexOf(id) !== at);
  });
  told.push(wrong);
}
await browser.close();
console.log(JSON.stringify(told));
