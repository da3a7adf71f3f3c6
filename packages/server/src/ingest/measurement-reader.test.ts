import { describe, expect, test } from "vitest";
import { readEnvelope, readLines } from "./measurement-reader.ts";

const sound = { uid: "a", meter: "calls", account: "Acme Corp", ts: "2024-05-01T00:00:00Z" };

/** JSON can say half of a character, which no database stores. */
const half = "a\ud800b";
const notText = "holds a character that is not text";

const errorsOf = (...measurements: readonly unknown[]): readonly string[] => {
  const outcome = readEnvelope(JSON.stringify({ measurements }));
  return outcome.kind === "invalid" ? outcome.errors.map((e) => `${e.field} ${e.message}`) : [];
};

test("a sound measurement is read", () => {
  const body = { measurements: [{ ...sound, measure: { n: 1.5 }, who: { user: "u" }, extra: 1 }] };
  expect(readEnvelope(JSON.stringify(body))).toEqual({
    kind: "read",
    measurements: [
      {
        uid: "a",
        meter: "calls",
        account: "Acme Corp",
        tsMicros: 1_714_521_600_000_000,
        etsMicros: undefined,
        fields: { measure: { n: 1.5 }, who: { user: "u" } },
        fieldCount: 2,
        source: body.measurements[0],
      },
    ],
  });
});

describe("each fault names its field", () => {
  test.each([
    [{ meter: undefined }, "measurements[0].meter must be present"],
    [{ meter: 7 }, "measurements[0].meter must be a string"],
    [{ meter: "" }, "measurements[0].meter must have 1 to 80 characters"],
    [{ account: "x".repeat(81) }, "measurements[0].account must have 1 to 80 characters"],
    [
      { account: " x" },
      "measurements[0].account must not contain control characters, nor start or end with a space",
    ],
    [
      { account: "x\ty" },
      "measurements[0].account must not contain control characters, nor start or end with a space",
    ],
    [{ uid: "x".repeat(51) }, "measurements[0].uid must have at most 50 characters"],
    [{ uid: 7 }, "measurements[0].uid must be a string"],
    [{ ts: undefined }, "measurements[0].ts must be present"],
    [
      { ts: "yesterday" },
      "measurements[0].ts must be an ISO-8601 date-time with a zone, such as 2024-05-01T12:00:00Z",
    ],
    [{ ets: 5 }, "measurements[0].ets must be a string"],
    [{ who: "x" }, "measurements[0].who must be an object"],
    [{ measure: [] }, "measurements[0].measure must be an object"],
    [{ measure: { n: "1" } }, "measurements[0].measure.n must be a finite number"],
    [{ cost: { n: null } }, "measurements[0].cost.n must be a finite number"],
    [{ where: { n: 1 } }, "measurements[0].where.n must be a string"],
    [
      { metadata: { n: "x".repeat(257) } },
      "measurements[0].metadata.n must have at most 256 characters",
    ],
    [{ account: half }, `measurements[0].account ${notText}`],
    [{ meter: half }, `measurements[0].meter ${notText}`],
    [{ uid: half }, `measurements[0].uid ${notText}`],
    [{ who: { user: half } }, `measurements[0].who.user ${notText}`],
    [{ who: { [half]: "x" } }, `measurements[0].who.${half} ${notText}`],
    [{ measure: { [half]: 1 } }, `measurements[0].measure.${half} ${notText}`],
  ])("%j: %s", (change, expected) => {
    expect(errorsOf({ ...sound, ...change })).toEqual([expected]);
  });

  test("and its place in the batch", () => {
    expect(errorsOf(sound, sound, sound, { ...sound, ts: undefined })).toEqual([
      "measurements[3].ts must be present",
    ]);
  });
});

describe("a body that is no batch", () => {
  test.each([
    ["{", "", "must be valid JSON"],
    ["[]", "", "must be an object with measurements"],
    ["{}", "measurements", "must be an array"],
    ['{"measurements":[]}', "measurements", "must have 1 to 1000 elements"],
    ['{"measurements":[3]}', "measurements[0]", "must be an object"],
    [
      '{"measurements":[{"meter":"m","account":"a","ts":"2024-05-01T00:00:00Z","measure":{"n":1e999}}]}',
      "measurements[0].measure.n",
      "must be a finite number",
    ],
  ])("%s", (text, field, message) => {
    expect(readEnvelope(text)).toEqual({ kind: "invalid", errors: [{ field, message }] });
  });

  test("1,001 measurements are too many", () => {
    expect(errorsOf(...Array.from({ length: 1001 }, () => sound))).toEqual([
      "measurements must have 1 to 1000 elements",
    ]);
  });

  test("a thousand wrong measurements get a bounded reply", () => {
    expect(errorsOf(...Array.from({ length: 1000 }, () => ({})))).toHaveLength(20);
  });
});

test("an emoji is one character", () => {
  const rockets = (count: number): string => "\u{1f680}".repeat(count);
  const long = { uid: rockets(50), account: rockets(80), metadata: { n: rockets(256) } };
  expect(errorsOf({ ...sound, ...long })).toEqual([]);
  expect(errorsOf({ ...sound, account: rockets(81) })).toEqual([
    "measurements[0].account must have 1 to 80 characters",
  ]);
});

test("an absent and an empty uid are both none", () => {
  const { uid: _, ...anonymous } = sound;
  const outcome = readEnvelope(
    JSON.stringify({ measurements: [anonymous, { ...sound, uid: "" }] }),
  );
  expect(outcome.kind === "read" && outcome.measurements.map((m) => m.uid)).toEqual([
    undefined,
    undefined,
  ]);
});

test("lines are read like an envelope, and a broken one is named", () => {
  const line = JSON.stringify(sound);
  expect(readLines(`${line}\n\n${line}\r\n`)).toEqual(
    readEnvelope(JSON.stringify({ measurements: [sound, sound] })),
  );
  expect(readLines(`${line}\n{`)).toEqual({
    kind: "invalid",
    errors: [{ field: "measurements[1]", message: "must be valid JSON" }],
  });
});
