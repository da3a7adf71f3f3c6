import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readConfig } from "@turnpike/server/config.ts";
import { newOrganizationId } from "@turnpike/server/access/organizations.ts";
import { newKeyPair } from "@turnpike/server/access/service-user-keys.ts";
import { startServer } from "@turnpike/server/start.ts";
import { type Access, connect } from "./demo/api.ts";
import { printBill, runBillJob } from "./demo/bills.ts";
import { createAccount, createPlan } from "./demo/catalog.ts";
import { submit } from "./demo/meter.ts";
import { type Prepaid, runPrepaid } from "./demo/prepaid.ts";
import { generateUsage, type Measurement, readTrace } from "./demo/usage.ts";

const customers = [
  { name: "Aurora Analytics", code: "aurora" },
  { name: "Borealis Bank", code: "borealis" },
  { name: "Cirrus Care", code: "cirrus" },
];

const usageOf = (path: string | undefined): Promise<Measurement[]> | Measurement[] => {
  const accounts = customers.map(({ code }) => code);
  if (path === undefined) return generateUsage(accounts);
  // npm runs scripts in the package's folder; a relative path is meant from where the user stands.
  return readTrace(resolve(process.env["INIT_CWD"] ?? ".", path), accounts);
};

const total = (usage: readonly Measurement[], field: keyof Measurement["measure"]): string =>
  usage.reduce((sum, { measure }) => sum + measure[field], 0).toLocaleString("en");

const printPrepaid = ({ decisions, bill }: Prepaid): void => {
  console.log("Authorizing eleven searches at once, a dollar each, on a wallet of ten dollars …");
  const allowed = decisions.filter(({ decision }) => decision === "allow");
  console.log(`  ${allowed.length} allowed`);
  for (const { uid, decision, reason } of decisions) {
    if (decision !== "allow") console.log(`  ${uid}: ${decision}, ${reason ?? "no reason given"}`);
  }
  console.log("\nThe same usage on the bill, once, and what the wallet has paid of it:\n");
  if (bill !== undefined) console.log(printBill(bill));
};

const show = async (access: Access, usage: readonly Measurement[]): Promise<void> => {
  const api = await connect(access);
  const planId = await createPlan(api);
  for (const customer of customers) await createAccount(api, { ...customer, planId });
  console.log(`Metering ${usage.length.toLocaleString("en")} requests …`);
  const rate = await submit(api, usage);
  console.log(
    `  ${Math.round(rate).toLocaleString("en")} events/s: ` +
      `${usage.length.toLocaleString("en")} requests, ${total(usage, "input_tokens")} input and ` +
      `${total(usage, "output_tokens")} output tokens`,
  );
  console.log("Billing November 2023 …\n");
  const bills = await runBillJob(api, "2023-11-30");
  const byCode = bills.toSorted((a, b) => a.accountCode.localeCompare(b.accountCode));
  for (const bill of byCode) console.log(printBill(bill));
  printPrepaid(await runPrepaid(api, new Date()));
};

/** Somebody has seen enough, here or of what is printed (`| head`): PostgreSQL and its folder must not stay behind. */
const untilEnough = (): Promise<void> => {
  const { promise, resolve: seenEnough } = Promise.withResolvers<void>();
  const end = (): void => {
    process.exitCode = 1;
    seenEnough();
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.stdout.on("error", end);
  return promise;
};

const run = async (dataDir: string, usage: readonly Measurement[]): Promise<void> => {
  const enough = untilEnough();
  const credentials = { orgId: newOrganizationId(), ...newKeyPair() };
  console.log("Starting PostgreSQL and DuckDB …");
  const server = await startServer(
    readConfig({
      TURNPIKE_PORT: "0",
      TURNPIKE_DATA_DIR: dataDir,
      TURNPIKE_LOG_LEVEL: "warn",
      TURNPIKE_ORG_ID: credentials.orgId,
      TURNPIKE_ACCESS_KEY: credentials.accessKey,
      TURNPIKE_API_SECRET: credentials.apiSecret,
    }),
  );
  try {
    await Promise.race([show({ url: server.url, ...credentials }, usage), enough]);
  } finally {
    await server.stop();
  }
};

/** What cannot be read of it is the user's to mend: a sentence says more than a stack. */
const usageAskedFor = async (): Promise<readonly Measurement[]> => {
  try {
    const { values } = parseArgs({ options: { usage: { type: "string" } } });
    return await usageOf(values.usage);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
};

const usage = await usageAskedFor();
const folder = await mkdtemp(join(tmpdir(), "turnpike-demo-"));
// As root, PostgreSQL runs as another user, who must be able to pass through the folder.
await chmod(folder, 0o755);
try {
  await run(join(folder, "data"), usage);
} finally {
  await rm(folder, { recursive: true, force: true });
}
