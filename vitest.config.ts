import { defineConfig } from "vitest/config";

/** Of a property: a few milliseconds each, ten times that on a machine that is busy with everything else. */
const propertyRunMs = 100;
const propertyRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 0);

export default defineConfig({
  test: {
    include: ["packages/**/*.test.ts", "conformance/**/*.test.ts", "scripts/**/*.test.ts"],
    setupFiles: ["scripts/property-seed.ts"],
    allowOnly: false,
    dangerouslyIgnoreUnhandledErrors: false,
    testTimeout: 30_000 + propertyRuns * propertyRunMs,
    hookTimeout: 60_000,
  },
});
