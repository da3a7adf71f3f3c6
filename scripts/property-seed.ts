import { configureGlobal } from "fast-check";

/** The same cases every time, so that a red build is the fault of the change; a nightly run sets another seed. */
configureGlobal({ seed: Number(process.env["TURNPIKE_SEED"] ?? 1) });
