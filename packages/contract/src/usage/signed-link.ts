import { z } from "zod";

/** What a signed link adds to its path (see the server's access/links.ts). */
export const signed = z.looseObject({ expires: z.string(), signature: z.string() });
