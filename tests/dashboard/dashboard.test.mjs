// The dashboard in a real browser, over `livelist serve`, over what the real program made.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { SLOWNESS, World, browser, opened, signedIn } from "./world.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const MANY = Number(process.env.FEEDS ?? 5000);
const LOADED_IN = 2000;

/** Fails with what axe-core finds wrong. It reads the page from outside, so the page's policy stays. */
async function accessible(page, what) {
  const context = page.context();
  const shadow = await context.newCDPSession(page);
  const source = (await import("node:fs/promises")).readFile(AXE, "utf8");
  await shadow.send("Runtime.evaluate", { expression: await source });
  const told = await shadow.send("Runtime.evaluate", {
    expression: "axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.target.join(' ') + ': ' + (n.any[0]?.message ?? n.failureSummary)).slice(0, 3)])))",
    awaitPromise: true, returnByValue: true,
  });
  assert.equal(told.result.value, "[]", what);
  await shadow.detach();
}

const rows = (page) => page.locator("#feeds tbody tr[data-index]");
const first = (page, column) => rows(page).first().locator(`.c-${column}`);

test("many feeds", async (t) => {
  const world = await World.many(t, MANY);
  // Its MLSs are nowhere: runs that fail one after the other would move the rows.
  await world.serve(t, "--no-schedule");
  const shown = await browser(t);
  const cold = performance.now();
  const status = await world.status();
  t.diagnostic(`the first look at ${MANY} feeds took ${Math.round(performance.now() - cold)} ms`);
  assert.equal(status.feeds.length, MANY);
  const count = (state) => status.feeds.filter((feed) => feed.state === state).length;

  await t.test("are there in two seconds", async (t) => {
    const page = await signedIn(shown, world);
    // From the start of the navigation until rows can be seen and used, by the browser's own clock.
    await page.reload();
    await rows(page).first().waitFor();
    const took = await page.evaluate(() => performance.now());
    t.diagnostic(`${MANY} feeds: shown after ${Math.round(took)} ms`);
    assert.ok(took < LOADED_IN * SLOWNESS, `${Math.round(took)} ms`);
    assert.equal(await page.locator("#shown").textContent(), `${MANY.toLocaleString("en-US")} feeds`);
    assert.ok((await rows(page).count()) < 80, "only what is in sight is drawn");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  await t.test("are filtered and sorted", async () => {
    const page = await signedIn(shown, world);
    await page.getByRole("button", { name: /^Failed/ }).click();
    assert.equal(await page.locator("#shown").textContent(), `${count("failed")} of ${MANY.toLocaleString("en-US")} feeds`);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByLabel("MLS").selectOption("mls002");
    assert.equal(await page.locator("#shown").textContent(), `10 of ${MANY.toLocaleString("en-US")} feeds`);
    assert.match(page.url(), /mls=mls002/);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByLabel("Search feeds").fill("broker003 land");
    assert.equal(await page.locator("#shown").textContent(), `2 of ${MANY.toLocaleString("en-US")} feeds`);
    await page.getByRole("button", { name: "Clear" }).click();

    await page.getByRole("button", { name: "Live" }).click();
    const lives = status.feeds.map((feed) => feed.live).filter((live) => live !== undefined);
    assert.equal(await first(page, "live").textContent(), Math.min(...lives).toLocaleString("en-US"));
    await page.getByRole("button", { name: "Live" }).click();
    assert.equal(await first(page, "live").textContent(), Math.max(...lives).toLocaleString("en-US"));
    assert.equal(await page.getByRole("columnheader", { name: "Live" }).getAttribute("aria-sort"), "descending");
    // The address holds the view.
    await page.reload();
    await rows(page).first().waitFor();
    assert.equal(await first(page, "live").textContent(), Math.max(...lives).toLocaleString("en-US"));
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  await t.test("are walked through by the keyboard alone", async () => {
    const page = await signedIn(shown, world);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
    await page.keyboard.type("mls01");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const chosen = page.locator("#feeds tr[aria-selected=true]");
    assert.equal(await chosen.getAttribute("aria-rowindex"), "3");
    const feed = await chosen.locator("a").textContent();
    await page.keyboard.press("End");
    assert.equal(await chosen.getAttribute("aria-rowindex"), "101");
    assert.equal(await page.locator("#feeds").getAttribute("aria-activedescendant"), await chosen.getAttribute("id"));
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: feed }).waitFor();
    await page.keyboard.press("Escape");
    await rows(page).first().waitFor();
    assert.equal(await chosen.locator("a").textContent(), feed, "the choice is kept");
    assert.equal(await page.getByLabel("Search feeds").inputValue(), "mls01", "the filter is kept");
    assert.equal(await page.evaluate(() => document.activeElement.id), "feeds");
    await page.context().close();
  });

  await t.test("keep choice and place when they are looked up again", async () => {
    const page = await signedIn(shown, world);
    await page.locator("#feeds").focus();
    for (let i = 0; i < 6; i += 1) await page.keyboard.press("PageDown");
    const chosen = page.locator("#feeds tr[aria-selected=true]");
    const [feed, top] = [await chosen.locator("a").textContent(), await page.locator(".scroll").evaluate((e) => e.scrollTop)];
    assert.ok(top > 0);
    const answered = page.waitForResponse(/admin\/status/);
    await page.getByRole("button", { name: "Refresh" }).click();
    const response = await answered;
    assert.ok([200, 304].includes(response.status()));
    await page.getByText("Updated.").waitFor({ state: "attached" });
    assert.equal(await chosen.locator("a").textContent(), feed);
    assert.equal(await page.locator(".scroll").evaluate((e) => e.scrollTop), top);
    await page.context().close();
  });

  await t.test("are accessible in light and dark", async () => {
    for (const colorScheme of ["light", "dark"]) {
      const page = await signedIn(shown, world, { colorScheme });
      const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = back.match(/\d+/g).map(Number).reduce((a, b) => a + b) > 382;
      assert.equal(light, colorScheme === "light", back);
      await accessible(page, `feeds, ${colorScheme}`);
      await page.getByRole("link", { name: /^Held/ }).click();
      await page.getByRole("button", { name: /Approve/ }).first().waitFor({ state: "attached" }).catch(() => {});
      await accessible(page, `held, ${colorScheme}`);
      await page.getByRole("link", { name: "Schedule" }).click();
      await page.getByRole("heading", { name: "Schedule" }).waitFor();
      await accessible(page, `schedule, ${colorScheme}`);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  });
});

test("a town", async (t) => {
  const world = await World.town(t, ["abor", "bolt"]);
  await world.day(-3);
  for (const [day, sold] of [[-2, 12], [-1, 9]]) {
    for (const mls of ["abor", "bolt"]) {
      await world.told(mls, "sell", { n: sold });
      await world.told(mls, "add", { n: 5 });
    }
    await world.day(day);
  }
  for (const mls of ["abor", "bolt"]) await world.told(mls, "sell", { n: 300 });
  // Runs are told as they end.
  const today = (await world.day(0)).sort((a, b) => (a.feed < b.feed ? -1 : 1));
  assert.deepEqual(today.map((line) => line.outcome), ["held", "held"]);
  await world.serve(t);
  const shown = await browser(t);
  const [abor, bolt] = today.map((line) => line.feed);
  const status = await world.status();
  const before = status.feeds.find((feed) => feed.feed === abor);

  await t.test("a held run is approved, and published", async () => {
    const page = await signedIn(shown, world);
    assert.equal(await page.locator("#held-count").textContent(), "2");
    await page.getByRole("link", { name: /^Held/ }).click();
    const card = page.locator("article", { has: page.getByRole("link", { name: abor, exact: true }) });
    await card.getByText("mass_removal", { exact: true }).waitFor();
    await card.getByText("What this means").click();
    await card.getByText("more keys are gone than the guards allow").waitFor();
    // Nobody approves blind: which listings would go is there, and all of them as a file.
    await card.getByText("Which 300 listings would go").click();
    await card.getByText("20 of them, spread over the list").waitFor();
    const [saved] = await Promise.all([page.waitForEvent("download"), card.getByRole("button", { name: "All keys as CSV" }).click()]);
    const lines = (await readFile(await saved.path(), "utf8")).trim().split("\r\n");
    assert.deepEqual([saved.suggestedFilename(), lines[0], lines.length], [`${today[0].run}.csv`, "key", 301]);
    await card.getByRole("button", { name: /Approve/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("300", { exact: true }).waitFor();
    await accessible(page, "the question");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal((await world.status()).feeds.find((feed) => feed.feed === abor).state, "held", "Esc publishes nothing");
    await card.getByRole("button", { name: /Approve/ }).click();
    const told = (await dialog.textContent()).match(/from ([\d,]+) to ([\d,]+)/);
    const promised = Number(told[2].replace(",", ""));
    assert.equal(Number(told[1].replace(",", "")), before.live);
    await dialog.getByRole("button", { name: /^Publish/ }).click();
    await card.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Feeds" }).click();
    const row = rows(page).filter({ hasText: abor });
    await row.getByText("On time").waitFor();
    assert.equal(await row.locator(".c-live").textContent(), promised.toLocaleString("en-US"));
    const now = (await world.status()).feeds.find((feed) => feed.feed === abor);
    assert.deepEqual([now.live, now.removed], [promised, 300], "what was promised is what was published");
    assert.match(world.log(), /approved/);
    assert.match(world.log(), /ada/);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  await t.test("another is rejected, and the list stays", async () => {
    const page = await signedIn(shown, world);
    const was = (await world.status()).feeds.find((feed) => feed.feed === bolt);
    await page.goto(`${world.base}/dashboard#/run/${today[1].run}`);
    await page.getByRole("heading", { name: "Evidence" }).waitFor();
    await accessible(page, "a run");
    await page.getByRole("button", { name: /Reject/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
    await page.locator(".title .badge", { hasText: "Rejected" }).waitFor();
    const is = (await world.status()).feeds.find((feed) => feed.feed === bolt);
    assert.deepEqual([is.live, is.version], [was.live, was.version]);
    assert.notEqual(is.state, "held");
    assert.equal((await world.api(`runs/${today[1].run}/approve`, { method: "POST" })).status, 409);
    await page.context().close();
  });

  await t.test("where a listing went is told, and what changed", async () => {
    const page = await signedIn(shown, world);
    await page.goto(`${world.base}/dashboard#/feed/${abor}`);
    await page.getByRole("button", { name: "Compare" }).click();
    const gone = page.getByLabel("Went: keys");
    await gone.waitFor();
    const keys = (await gone.inputValue()).split("\n");
    assert.equal(keys.length, 300);
    await page.keyboard.press("Escape");
    await page.goto(`${world.base}/dashboard#/feed/${abor}`);
    await page.getByLabel("Key of a listing").fill(keys[7]);
    await page.keyboard.press("Enter");
    await page.getByText("not live").waitFor();
    await page.getByText(new RegExp(`${keys[7]} was removed`)).waitFor();
    await page.getByLabel("Key of a listing").fill("<img src=x>");
    await page.keyboard.press("Enter");
    await page.getByText(/<img src=x> is in none/).waitFor();
    await accessible(page, "a feed");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  await t.test("a feed is run again, and what the run found is there", async () => {
    const was = (await world.status()).feeds.find((feed) => feed.feed === abor);
    await world.told("abor", "sell", { n: 4 });
    const page = await signedIn(shown, world);
    await page.goto(`${world.base}/dashboard#/feed/${abor}`);
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await world.status()).feeds.find((feed) => feed.feed === abor).last_run.run, was.last_run.run, "Cancel starts nothing");
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Run now" }).click();
    // Two clicks, and then nothing: the page looks by itself.
    const note = page.locator(".asked");
    await note.getByText(/ended: Published/).waitFor();
    const run = await note.getByRole("link").textContent();
    assert.notEqual(run, was.last_run.run);
    const fact = page.locator("dl.facts div", { hasText: "Live" }).first().locator("dd");
    assert.equal(await fact.textContent(), (was.live - 4).toLocaleString("en-US"));
    await accessible(page, "a feed that was run again");
    await note.getByRole("link").click();
    await page.getByRole("heading", { name: "Evidence" }).waitFor();
    await page.locator(".title .badge", { hasText: "Published" }).waitFor();
    const is = (await world.status()).feeds.find((feed) => feed.feed === abor);
    assert.deepEqual([is.live, is.last_run.run, is.last_run.state], [was.live - 4, run, "published"]);
    assert.match(world.log(), new RegExp(`run again.*ada|ada.*run again`));
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  await t.test("an MLS is paused and resumed", async () => {
    const page = await signedIn(shown, world);
    await page.goto(`${world.base}/dashboard#/feed/${bolt}`);
    await page.getByRole("button", { name: "Pause bolt" }).click();
    await page.getByLabel("Reason, for the next operator").fill("contract ends");
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByText("contract ends").waitFor();
    assert.equal((await world.status()).feeds.find((feed) => feed.feed === bolt).state, "disabled");
    await page.getByRole("button", { name: "Resume bolt" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause bolt" }).waitFor();
    await page.context().close();
  });

  await t.test("a wrong key shows nothing, and the right one is nowhere to be seen", async () => {
    const page = await opened(shown, world);
    await accessible(page, "the door");
    for (const wrong of ["lla.ada.wrong", "ll1.acme.key", "x"]) {
      await page.getByLabel("Admin key").fill(wrong);
      await page.keyboard.press("Enter");
      await page.getByText("This key is not valid.").waitFor();
      assert.equal(await page.locator("#feeds").count(), 0);
      assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    }
    await page.getByLabel("Admin key").fill(world.key);
    await page.keyboard.press("Enter");
    await rows(page).first().waitFor();
    await rows(page).first().click();
    await page.getByRole("heading", { name: "Runs" }).waitFor();
    const secret = world.key.split(".")[2];
    for (const url of [...page.asked, page.url()]) assert.ok(!url.includes(secret), url);
    assert.ok(!(await page.content()).includes(secret));
    assert.ok(!world.log().includes(secret));
    assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
    assert.ok(page.asked.every((url) => url.startsWith(world.base)), "nobody else is asked");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Admin key").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await page.context().close();
  });

  await t.test("a key that is revoked ends what it opened; a server that is gone is told", async () => {
    const page = await signedIn(shown, world);
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("The server cannot be reached.").waitFor();
    assert.equal(await rows(page).count(), 2, "what was known stays");
    await page.context().setOffline(false);
    await world.livelist("keys", "revoke", "--admin", "ada");
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("The key is no longer valid.").waitFor();
    assert.equal(await rows(page).count(), 0);
    await page.context().close();
  });
});

test("by keyboard alone, and on a narrow screen", async (t) => {
  const world = await World.town(t, ["abor", "bolt", "boardofrealtorsnorthside"]);
  await world.day(-1);
  for (const mls of ["abor", "bolt"]) await world.told(mls, "sell", { n: 300 });
  await world.day(0);
  await world.serve(t);
  const shown = await browser(t);
  const focus = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);

  await t.test("the focus is never lost", async () => {
    const page = await opened(shown, world);
    await page.keyboard.type(world.key);
    await page.keyboard.press("Enter");
    await rows(page).first().waitFor();
    assert.equal(await focus(page), "feeds", "after signing in");
    const chosen = page.locator("#feeds tr[aria-selected=true]");
    await page.keyboard.press("ArrowDown");
    assert.equal(await chosen.getAttribute("aria-rowindex"), "3");
    // The arrows work from anywhere in the view, as its foot says.
    await page.evaluate(() => document.activeElement.blur());
    assert.equal(await focus(page), "BODY");
    await page.keyboard.press("ArrowUp");
    assert.equal(await chosen.getAttribute("aria-rowindex"), "2");
    assert.equal(await focus(page), "feeds");
    await page.reload();
    await rows(page).first().waitFor();
    await page.keyboard.press("ArrowDown");
    assert.equal(await focus(page), "feeds", "after loading anew");

    await page.goto(`${world.base}/dashboard#/held`);
    const reject = page.getByRole("button", { name: /Reject/ }).first();
    await reject.focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focus(page), "BUTTON", "a dialog that is closed gives it back");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("1 result waits.").waitFor();
    assert.equal(await focus(page), "H1", "the button went with its card");
    await page.context().close();
  });

  await t.test("390 pixels are enough to read", async () => {
    const page = await signedIn(shown, world, { viewport: { width: 390, height: 844 } });
    const cut = () => page.evaluate(() => [...document.querySelectorAll("#feeds .c-feed a, #feeds .c-live, .lines a, .axis span")]
      .filter((e) => e.offsetParent && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline" || e.getBoundingClientRect().right > innerWidth + 1)).map((e) => e.textContent));
    assert.deepEqual(await cut(), []);
    const long = rows(page).filter({ hasText: "boardofrealtors" });
    const [cell, name] = [await long.locator(".c-feed").boundingBox(), await long.locator(".c-feed a").boundingBox()];
    assert.ok(name.y >= cell.y && name.y + name.height <= cell.y + cell.height + 1, "the whole name is in its row");
    await accessible(page, "feeds, narrow");
    await page.getByRole("link", { name: "Schedule" }).click();
    await page.locator(".axis").waitFor();
    assert.deepEqual(await cut(), []);
    const size = await page.locator(".axis span").first().evaluate((e) => Number.parseFloat(getComputedStyle(e).fontSize));
    assert.ok(size >= 11, `${size} px`);
    await accessible(page, "schedule, narrow");
    await page.context().close();
  });
});

test("a faulty registry is told above every view", async (t) => {
  const world = await World.town(t, ["abor"]);
  await world.day(0);
  await world.serve(t);
  const page = await signedIn(await browser(t), world);
  const told = page.locator("#findings");
  assert.equal(await told.isVisible(), false);
  await writeFile(join(world.registry, "mls/bolt.json"), JSON.stringify({ mls: "bolt", provider: "trestle", page_sice: 1, base_url: "http://bolt.example", credential: "env:BOLT" }));
  // What was looked up is told for ten seconds.
  for (let i = 0; i < 20 && !(await told.isVisible()); i += 1) {
    await page.waitForTimeout(1_000);
    await page.getByRole("button", { name: "Refresh" }).click();
  }
  await told.getByText("The registry has 2 faults.").waitFor();
  await told.getByText("mls/bolt.json: page_sice: ").waitFor();
  await told.getByText("mls/bolt.json: base_url: ").waitFor();
  await accessible(page, "faults of the registry");
  await page.getByRole("link", { name: "Schedule" }).click();
  await page.getByRole("heading", { name: "Schedule" }).waitFor();
  await told.getByText("mls/bolt.json: page_sice: ").waitFor();
  assert.deepEqual(page.problems, []);
});

test("an empty installation says what to do", async (t) => {
  const world = await World.empty(t);
  await world.serve(t);
  const page = await signedIn(await browser(t), world);
  await page.getByText("There are no feeds yet.").waitFor();
  await accessible(page, "empty");
  assert.deepEqual(page.problems, []);
});
