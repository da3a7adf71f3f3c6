import { anything, array, constantFrom, double, oneof, sample, string } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "../client.ts";
import { Caller, validRequest } from "../schema/caller.ts";
import { isDocumentPresent, readDocument } from "../schema/document.ts";
import type { Body } from "../schema/maker.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "../server.ts";

/** The same cases every time, so that a red build is the fault of the change; a nightly run sets another seed. */
const seed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const mutantsPerOperation = Number(process.env["TURNPIKE_FUZZ_RUNS"] ?? 6);

/** What nobody should send: wrong types, absurd sizes, text that databases dislike. */
const junk = oneof(
  constantFrom<unknown>(null, "", -1, 1e308, 0.1, true, [], {}, [null], "\u0000", "\ud800"),
  constantFrom<unknown>("9999999-99-99", "2025-02-30", "0000-00-00T00:00:00Z", "a".repeat(5000)),
  double(),
  string({ unit: "binary" }),
  array(anything({ maxDepth: 1 }), { maxLength: 3 }),
);

const refusal = z.object({
  message: z.string().min(1),
  errors: z.array(z.object({ field: z.string().min(1), message: z.string() })).optional(),
});

/** The body with one field, anywhere at its top, replaced, removed or added. */
const mutantsOf = (body: Body, draw: number): Body[] => {
  const names = [...Object.keys(body), "version", "unknownField"];
  return sample(junk, { numRuns: mutantsPerOperation, seed: draw }).map((value, index) => ({
    ...body,
    [names[(draw + index) % names.length] ?? ""]: value,
  }));
};

const faultOf = (status: number, body: unknown): string | undefined => {
  if (status >= 500) return `${status}`;
  if (status === 200) return undefined;
  return refusal.safeParse(body).success ? undefined : `${status} without a message`;
};

describe.skipIf(!isDocumentPresent)("junk", () => {
  const state: { folder: string; server?: ServerProcess } = { folder: "" };
  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("in one field of a valid body is refused with a message, or harmless", async () => {
    if (state.server === undefined) throw new Error("the server did not start");
    const api = readDocument();
    const caller = new Caller(api, await connect(state.server), seed);
    const faults: string[] = [];
    for (const [draw, operation] of api.operations.entries()) {
      if (operation.path.startsWith("/") || operation.body === undefined) continue;
      const request = await validRequest(caller, operation, false).catch(() => undefined);
      if (request?.body === undefined) continue;
      for (const mutant of mutantsOf(request.body, seed + draw)) {
        const { status, body } = await caller.client.call(operation.method, request.path, mutant);
        const fault = faultOf(status, body);
        if (fault !== undefined) faults.push(`${operation.id} ${fault} ${JSON.stringify(mutant)}`);
      }
    }
    expect(faults, `seed ${seed}`).toEqual([]);
  }, 300_000);
});
