import { beforeAll, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

const { world, wallets } = walletWorld();
beforeAll(() => wallets().meter("calls"));

/** The lines of the page, by what stands before their values. */
const metrics = async (): Promise<ReadonlyMap<string, number>> => {
  const page = await (await fetch(`${world().server.url}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
};

test("what was decided is counted by what was answered, and requests by their route", async () => {
  const before = await metrics();
  await wallets().account("counted");
  await wallets().grant("counted", "2");
  for (const uid of ["one", "two", "three", "two"]) await wallets().charge("counted", uid, "1");
  const body = { account: "counted", meter: "calls", mode: "charge", asset: "USD" };
  await wallets().status("authorizations", { ...body, uid: "one", amount: "2" });
  const after = await metrics();
  const risen = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  const decisions = (labels: string): number => risen(`turnpike_decisions_total{${labels}}`);
  expect(decisions('outcome="allow",reason=""')).toBe(2);
  expect(decisions('outcome="deny",reason="INSUFFICIENT_FUNDS"')).toBe(1);
  expect(decisions('outcome="replayed",reason=""')).toBe(1);
  expect(decisions('outcome="refused",reason="ID_REUSED"')).toBe(1);
  const route = 'method="POST",route="/organizations/:orgId/authorizations"';
  const answered = (status: number): number =>
    risen(`turnpike_http_request_seconds_count{${route},status="${status}"}`);
  expect([answered(200), answered(409)]).toEqual([4, 1]);
});
