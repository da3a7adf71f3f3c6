import { type Resource, type Verb, verbs } from "./resource.ts";

/** One route of a declared resource. */
export interface ResourceRoute {
  readonly verb: Verb | "search" | "view";
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** From the root, parameters in braces. */
  readonly path: string;
  /** Of a view: its key in the declaration. */
  readonly view?: string;
}

const methods: Readonly<Record<Verb, ResourceRoute["method"]>> = {
  create: "POST",
  retrieve: "GET",
  update: "PUT",
  delete: "DELETE",
  list: "GET",
};

/** Every route that a declaration asks for: what the server mounts and the API document prints. */
export const routesOf = (resource: Resource): ResourceRoute[] => {
  const collection = `/organizations/{orgId}/${resource.path}`;
  const known: readonly Verb[] =
    resource.verbs ?? (resource.singleton === undefined ? verbs : ["retrieve", "update"]);
  const isOfCollection = (verb: Verb): boolean =>
    resource.singleton !== undefined || verb === "create" || verb === "list";
  const routes: ResourceRoute[] = known.map((verb) => ({
    verb,
    method: methods[verb],
    path: isOfCollection(verb) ? collection : `${collection}/{id}`,
  }));
  if (resource.search !== undefined) {
    routes.push({ verb: "search", method: "GET", path: `${collection}/search` });
  }
  for (const view of Object.keys(resource.views ?? {})) {
    routes.push({ verb: "view", method: "GET", path: `${collection}/${view}`, view });
  }
  return routes;
};
