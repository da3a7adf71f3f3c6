import { z } from "zod";
import { actions } from "./permission.ts";

const services = [...new Set(actions.map((action) => action.split(":")[0] ?? ""))];

/** What a statement may say instead of one action: everything, or everything of a service. */
const wideActions = ["*", "all", ...services.map((service) => `${service}:*`)];
const knownActions = new Set<string>([...actions, ...wideActions]);

const lowerCase = (text: string): boolean => text === text.toLowerCase();

const effect = z.string().superRefine((text, context) => {
  if (text === "allow" || text === "deny") return;
  const isShouted = !lowerCase(text) && ["allow", "deny"].includes(text.toLowerCase());
  const message = isShouted ? `must be lower case: ${text.toLowerCase()}` : "must be allow or deny";
  context.addIssue({ code: "custom", message });
});

/** `CONFIG_CREATE`, as m3ter's schema prints it, is `config:create` on the wire. */
const wireForm = (text: string): string | undefined =>
  [...knownActions].find(
    (known) => known.replace(":", "_") === text.toLowerCase().replace(":", "_"),
  );

const action = z.string().superRefine((text, context) => {
  if (knownActions.has(text)) return;
  const meant = wireForm(text);
  const message =
    meant === undefined
      ? `must be one of ${[...knownActions].join(", ")}`
      : `must be lower case with a colon: ${meant}`;
  context.addIssue({ code: "custom", message });
});

const segment = "(?:\\*|[A-Za-z][A-Za-z0-9_-]*)";
const resourcePattern = new RegExp(
  `^(?:\\*|${segment}:${segment}(?:/(?:\\*|(?:item|group)(?:/(?:\\*|[A-Za-z0-9-]+))?))?)$`,
);

const target = z
  .string()
  .max(200)
  .regex(
    resourcePattern,
    "must be service:resource-type, with /item/<id>, /group/<id> or /* after it, or *",
  );

/** One sentence of a policy: an effect on actions on resources (m3ter semantics 1.3). */
export const permissionStatement = z.object({
  effect,
  action: z.array(action).min(1),
  resource: z.array(target).min(1),
});
export type PermissionStatement = z.output<typeof permissionStatement>;
