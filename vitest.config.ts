import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/**/*.test.ts", "conformance/**/*.test.ts", "scripts/**/*.test.ts"],
    setupFiles: ["scripts/property-seed.ts"],
    allowOnly: false,
    dangerouslyIgnoreUnhandledErrors: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
