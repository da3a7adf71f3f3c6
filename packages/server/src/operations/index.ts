import { generateToken } from "./auth.ts";
import type { Handlers } from "./handler.ts";

export const handlers: Handlers = { generateToken };
