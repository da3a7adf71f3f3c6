import type { FastifyInstance, FastifyRequest } from "fastify";
import { verbPermission } from "@turnpike/contract/access/permission.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { type ResourceRoute, routesOf } from "@turnpike/contract/resource-route.ts";
import type { Caller } from "../records/caller.ts";
import type { Place, Scope } from "../records/place.ts";
import type { Catalog } from "../resources/verbs.ts";
import { jsonBody, pathParams, queryParams } from "./requests.ts";

export const callerOf = (request: FastifyRequest): Caller => {
  if (request.principal === undefined) throw new Problem("UNAUTHORIZED");
  const { orgId, serviceUserId } = request.principal;
  return { orgId, principal: serviceUserId };
};

/** `{name}` as the contract writes it, `:name` as Fastify reads it. */
export const routePath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

const idOf = (request: FastifyRequest): string => pathParams(request)["id"] ?? "";

/** What the path says about every record below it. */
const scopeOf = ({ within }: Resource, request: FastifyRequest): Scope | undefined =>
  within === undefined ? undefined : { [within]: pathParams(request)[within] ?? "" };

const placeOf = (resource: Resource, request: FastifyRequest): Place => ({
  resource,
  caller: callerOf(request),
  scope: scopeOf(resource, request),
});

const orNoneFilters = ({ filters }: Resource): string[] =>
  Object.entries(filters).flatMap(([name, { orNone }]) => (orNone === true ? [name] : []));

type Answer = (catalog: Catalog, resource: Resource, request: FastifyRequest) => Promise<unknown>;

const answers: Readonly<Record<Exclude<ResourceRoute["verb"], "view">, Answer>> = {
  create: (catalog, resource, request) =>
    catalog.create(placeOf(resource, request), jsonBody(request)),
  retrieve: (catalog, resource, request) =>
    catalog.retrieve(placeOf(resource, request), idOf(request)),
  update: (catalog, resource, request) =>
    catalog.update(placeOf(resource, request), { id: idOf(request), body: jsonBody(request) }),
  delete: (catalog, resource, request) => catalog.remove(placeOf(resource, request), idOf(request)),
  list: (catalog, resource, request) =>
    catalog.list(placeOf(resource, request), queryParams(request, orNoneFilters(resource))),
  search: (catalog, resource, request) =>
    catalog.search(placeOf(resource, request), queryParams(request)),
};

/** A singleton is named after its organization. */
const singletonAnswers: Pick<typeof answers, "retrieve" | "update"> = {
  retrieve: (catalog, resource, request) => {
    const caller = callerOf(request);
    return catalog.retrieve({ resource, caller }, caller.orgId);
  },
  update: (catalog, resource, request) => {
    const caller = callerOf(request);
    return catalog.update({ resource, caller }, { id: caller.orgId, body: jsonBody(request) });
  },
};

const viewAnswer =
  (name: string): Answer =>
  (catalog, resource, request) => {
    const view = resource.views?.[name];
    if (view === undefined) throw new Error(`${resource.kind} declares no view ${name}`);
    const params = pathParams(request);
    const matched = Object.entries(view.match).map(([field, param]) => [
      field,
      params[param] ?? "",
    ]);
    const scope = { ...scopeOf(resource, request), ...Object.fromEntries(matched) };
    return catalog.view({ ...placeOf(resource, request), scope }, view, queryParams(request));
  };

const answerOf = (resource: Resource, { verb, view }: ResourceRoute): Answer => {
  if (verb === "view") return viewAnswer(view ?? "");
  if (resource.singleton === undefined) return answers[verb];
  return { ...answers, ...singletonAnswers }[verb];
};

/** The routes of every declared resource. */
export const mountResources = (
  app: FastifyInstance,
  resources: readonly Resource[],
  catalog: Catalog,
): void => {
  for (const resource of resources) {
    for (const route of routesOf(resource)) {
      const answer = answerOf(resource, route);
      app.route({
        method: route.method,
        url: routePath(route.path),
        config: {
          access: "organization",
          permission: verbPermission(resource, route.verb),
          ...(resource.takesKey === undefined ? {} : { takesKey: resource.takesKey }),
        },
        handler: (request) => answer(catalog, resource, request),
      });
    }
  }
};
