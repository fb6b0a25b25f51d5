// What the tests of the dashboard stand on: simulated MLSs, an installation that the real program made,
// `livelist serve`, and Debian's Chromium. Whatever is started here is ended here.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

const run = promisify(execFile);
const { LIVELIST, LIVELIST_MLS, MANY_FEEDS } = process.env;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const SECRET = { client_id: "demo", client_secret: "demo-secret" };

/** A slow machine takes so many times as long. */
export const SLOWNESS = Number(process.env.SLOWNESS ?? 1);

/** Starts a process, gives its first line, and ends it with the test. */
async function started(t, command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const log = [];
  child.stderr.on("data", (chunk) => log.push(chunk));
  t.after(async () => {
    if (child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  });
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    once(child, "exit").then(() => { throw new Error(`${command} ended: ${Buffer.concat(log)}`); }),
  ]);
  return { line, child, log: () => Buffer.concat(log).toString() };
}

const secrets = (names = []) => Object.fromEntries(names.map((mls) => [mls.toUpperCase(), JSON.stringify(SECRET)]));

/** An installation in a folder of its own. */
export class World {
  constructor(home) {
    this.home = home;
    this.registry = join(home, "registry");
    this.data = join(home, "data");
  }

  static async empty(t) {
    const home = await mkdtemp(join(tmpdir(), "livelist-dashboard-"));
    t.after(() => rm(home, { recursive: true, force: true }));
    const world = new World(home);
    for (const folder of ["registry/mls", "registry/clients", "data"]) await mkdir(join(home, folder), { recursive: true });
    world.key = await world.livelist("keys", "add", "--admin", "ada");
    return world;
  }

  /** An installation with `feeds` feeds that have a month behind them. */
  static async many(t, feeds) {
    const world = await World.empty(t);
    await run(MANY_FEEDS, [world.home, String(feeds)], { maxBuffer: 1 << 24 });
    return world;
  }

  /** Simulated MLSs, a client that has them all, and some days. */
  static async town(t, names) {
    const world = await World.empty(t);
    world.names = names;
    const specs = names.map((mls, i) => ({ mls, provider: "trestle", seed: 7 + i, listings: 1000, credential: { client_credentials: SECRET } }));
    await writeFile(join(world.home, "specs.json"), JSON.stringify(specs));
    const simulator = await started(t, LIVELIST_MLS, ["--config", join(world.home, "specs.json"), "--print-url"]);
    world.mls = simulator.line.trim();
    for (const mls of names) {
      await writeFile(join(world.registry, `mls/${mls}.json`), JSON.stringify({
        mls, provider: "trestle", base_url: `${world.mls}/${mls}/trestle/odata`,
        token_url: `${world.mls}/${mls}/trestle/oidc/connect/token`, credential: `env:${mls.toUpperCase()}` }));
    }
    await writeFile(join(world.registry, "clients/acme.json"), JSON.stringify({
      client: "acme", site: "https://acme.example", pairs: names.map((mls) => ({ mls, resource: "Property" })) }));
    return world;
  }

  async livelist(...args) {
    const env = { LIVELIST_REGISTRY: this.registry, LIVELIST_DATA: this.data, ...secrets(this.names) };
    const done = await run(LIVELIST, args, { env, maxBuffer: 1 << 26 }).catch((error) => {
      // 3: a result is held.
      if (error.code === 3) return error;
      throw error;
    });
    return done.stdout.trim();
  }

  /** One reconciliation of all feeds, as of `days` days from now. */
  async day(days) {
    const date = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const lines = await this.livelist("reconcile", "--json", "--date", date);
    return lines.split("\n").map((line) => JSON.parse(line));
  }

  async told(mls, what, body) {
    const response = await fetch(`${this.mls}/_control/${mls}/${what}`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${what}: ${response.status}`);
  }

  /** `livelist serve` over this installation. */
  async serve(t, ...more) {
    const server = await started(t, LIVELIST, ["--log", "info", "serve", "--registry", this.registry, "--data", this.data, "--listen", "127.0.0.1:0", ...more], { env: secrets(this.names) });
    this.base = server.line.split(" ").pop();
    this.log = server.log;
    this.server = server.child;
  }

  api(path, options = {}) {
    return fetch(`${this.base}/v1/admin/${path}`, { ...options, headers: { authorization: `Bearer ${this.key}`, ...options.headers } });
  }

  async status() {
    const response = await this.api("status");
    if (!response.ok) throw new Error(`status: ${response.status}`);
    return response.json();
  }
}

/** A browser; what a page complains of is gathered in `page.problems`, what it asks for in `page.asked`. */
export async function browser(t) {
  const shown = await chromium.launch({ executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  t.after(() => shown.close());
  return shown;
}

/** A page of the dashboard that nobody has signed in to. */
export async function opened(shown, world, options = {}) {
  const context = await shown.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000 * SLOWNESS);
  page.problems = [];
  page.asked = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.problems.push(message.text()); });
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("request", (request) => page.asked.push(request.url()));
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`)));
  await page.goto(`${world.base}/dashboard`);
  return page;
}

/** The same, signed in. */
export async function signedIn(shown, world, options) {
  const page = await opened(shown, world, options);
  await page.getByLabel("Admin key").fill(world.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("#shown").waitFor();
  return page;
}
