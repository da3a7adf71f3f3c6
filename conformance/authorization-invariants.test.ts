import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

/**
 * Where each invariant of authorization (semantics f.8) is proved: on the pure function, where the reference model and
 * `invariants.ts` try it over random commands, and through the API on real PostgreSQL. A row names its tests by file
 * and by a part of their names.
 */

const engine = (file: string, name: string): Proof => [`packages/engine/src/ledger/${file}`, name];
const api = (file: string, name: string): Proof => [
  `conformance/authorization${file}.test.ts`,
  name,
];

type Proof = readonly [path: string, name: string];
/** Why there is nothing to try. */
type Reason = string;

const model = engine(
  "decide.prop.test.ts",
  "agrees with the reference model and keeps the invariants",
);
const replays = engine("decide.prop.test.ts", "every request sent again finds its answer");
const batches = engine("decide.prop.test.ts", "deciding together or one by one");
const sweeps = engine("decide.prop.test.ts", "when the sweep runs makes no difference");
const denials = engine("invariants.prop.test.ts", "a denial writes its own row and nothing else");
const holds = engine("invariants.prop.test.ts", "hold and settle x equals a charge of x");
const sums = engine("price.prop.test.ts", "charges in any order and batching sum to the total");

/** Its checks: `brokenInvariants` over all rows again and again, and those of `random-checks.ts`. */
const random = api("-random", "random operations of ");
const crash = api("-crash", "SIGKILL at random moments");
const crowd = api("-concurrency", "256 clients at two servers");

const proofs: readonly (readonly [invariant: number, engine: Proof | Reason, api: Proof])[] = [
  [1, model, random],
  [2, model, random],
  [3, model, random],
  [4, model, random],
  [5, model, random],
  [6, model, random],
  [7, model, api("", "W4: a void gives back to the grants")],
  [8, engine("invariants.prop.test.ts", "hold then void is the identity"), api("", "W4: a void")],
  [9, holds, api("", "W2: settle, and the same sequence again")],
  [10, replays, random],
  [11, model, random],
  [12, model, random],
  [13, model, random],
  [14, denials, random],
  [15, denials, api("-concurrency", "every eleventh call is refused")],
  [16, engine("invariants.prop.test.ts", "n charges of p on A"), crowd],
  [17, batches, random],
  [18, engine("decide.prop.test.ts", "metered quantity is what was settled"), random],
  [19, sums, api("-random", "the bill of a random month")],
  [20, sums, random],
  [
    21,
    engine("budget-window.prop.test.ts", "calendar windows contain their moment"),
    api("", "W13: a hold counts in the day"),
  ],
  [22, sweeps, crowd],
  [23, sweeps, api("-concurrency", "a clock that was set back")],
  [24, batches, crash],
  [25, engine("top-up.prop.test.ts", "one top-up in flight"), random],
  [26, engine("invariants.prop.test.ts", "converting never creates value"), random],
  [27, engine("rate-limit.prop.test.ts", "in any window at most limit + burst pass"), random],
  [28, model, random],
  [
    29,
    "the function is given the rows of one organization only",
    api("-concurrency", "organizations on one database share no uid"),
  ],
  [
    30,
    engine("invariants.prop.test.ts", "a check changes nothing"),
    api("", "a check and a dry run change nothing"),
  ],
  [31, engine("lease.test.ts", "unreported, release on expiry"), random],
  [32, engine("decide.prop.test.ts", "an alert threshold fires once per window"), random],
];

const root = new URL("..", import.meta.url);

test("every invariant is proved on the pure function and through the API", async () => {
  expect(proofs.map(([invariant]) => invariant)).toEqual(
    Array.from({ length: 32 }, (_, n) => n + 1),
  );
  for (const [invariant, ...both] of proofs)
    for (const [path, name] of both.filter((one) => typeof one !== "string")) {
      const text = await readFile(new URL(path, root), "utf8");
      const names = [...text.matchAll(/\btest\(\s*["`]([^"`]*)/g)].map(([, found]) => found ?? "");
      expect(
        names.filter((found) => found.includes(name)),
        `I${invariant}: ${name}`,
      ).not.toEqual([]);
    }
});
