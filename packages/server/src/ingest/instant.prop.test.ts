import * as fc from "fast-check";
import { expect, test } from "vitest";
import { instantMicros } from "./instant.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

test("every instant that Temporal prints is read back", () => {
  const micros = fc.bigInt({ min: -9_000_000_000_000_000n, max: 9_000_000_000_000_000n });
  const zone = fc.constantFrom("UTC", "Europe/Paris", "America/St_Johns", "Asia/Kathmandu");
  fc.assert(
    fc.property(micros, zone, (value, timeZone) => {
      const instant = Temporal.Instant.fromEpochNanoseconds(value * 1000n);
      expect(instantMicros(instant.toString())).toBe(Number(value));
      // Zones before 1972 had offsets with seconds, which ISO-8601 cannot write.
      fc.pre(value > 0n);
      expect(instantMicros(instant.toString({ timeZone }))).toBe(Number(value));
    }),
    { numRuns: runs },
  );
});
