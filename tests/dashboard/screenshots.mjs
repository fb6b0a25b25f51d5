// Writes the pictures of the dashboard for the documents: `make screenshots`.

import { readdir, stat } from "node:fs/promises";
import { resolve } from "node:path";

import { World, browser, signedIn } from "./world.mjs";

const OUT = resolve(import.meta.dirname, "../../docs/images");
const MOST = 150_000;
const after = [];
const t = { after: (end) => after.unshift(end) };

try {
  const world = await World.many(t, 400);
  await world.serve(t);
  const shown = await browser(t);
  for (const colorScheme of ["light", "dark"]) {
    const page = await signedIn(shown, world, { colorScheme, viewport: { width: 1120, height: 580 } });
    const shoot = (name) => page.screenshot({ path: `${OUT}/${name}-${colorScheme}.png` });
    await page.locator("#feeds tbody tr[data-index]").first().waitFor();
    await shoot("dashboard");
    if (colorScheme === "dark") continue;
    await page.getByRole("link", { name: /^Held/ }).click();
    await page.getByRole("button", { name: /Approve/ }).first().waitFor();
    await shoot("dashboard-held");
    await page.getByRole("link", { name: "Schedule" }).click();
    await page.getByRole("heading", { name: "Schedule" }).waitFor();
    await shoot("dashboard-schedule");
    const feed = (await world.status()).feeds.find((one) => one.state === "held");
    await page.goto(`${world.base}/dashboard#/run/${feed.last_run.run}`);
    await page.getByRole("heading", { name: "Evidence" }).waitFor();
    await shoot("dashboard-run");
  }
  for (const name of await readdir(OUT)) {
    const { size } = await stat(`${OUT}/${name}`);
    console.log(`${name}: ${Math.round(size / 1000)} kB`);
    if (name.startsWith("dashboard") && size > MOST) throw new Error(`${name} is too large`);
  }
} finally {
  for (const end of after) await end();
}
