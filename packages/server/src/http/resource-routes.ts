import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Caller } from "../records/caller.ts";
import type { Catalog } from "../resources/verbs.ts";
import { jsonBody, pathParams, queryParams } from "./requests.ts";

export const callerOf = (request: FastifyRequest): Caller => {
  if (request.principal === undefined) throw new Problem("UNAUTHORIZED");
  const { orgId, serviceUserId } = request.principal;
  return { orgId, principal: serviceUserId };
};

/** The caller must belong to the organization in the path. */
const organization = { config: { access: "organization" } } as const;

/** `{name}` as the contract writes it, `:name` as Fastify reads it. */
export const routePath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

const idOf = (request: FastifyRequest): string => pathParams(request)["id"] ?? "";

const mountSingleton = (app: FastifyInstance, resource: Resource, catalog: Catalog): void => {
  const path = `/organizations/:orgId/${resource.path}`;
  app.get(path, organization, (request) => {
    const caller = callerOf(request);
    return catalog.retrieve(resource, caller, caller.orgId);
  });
  app.put(path, organization, (request) => {
    const caller = callerOf(request);
    return catalog.update(resource, caller, { id: caller.orgId, body: jsonBody(request) });
  });
};

const mountCollection = (app: FastifyInstance, resource: Resource, catalog: Catalog): void => {
  const path = routePath(`/organizations/{orgId}/${resource.path}`);
  app.post(path, organization, (request) =>
    catalog.create(resource, callerOf(request), jsonBody(request)),
  );
  app.get(path, organization, (request) =>
    catalog.list(resource, callerOf(request), queryParams(request)),
  );
  app.get(`${path}/:id`, organization, (request) =>
    catalog.retrieve(resource, callerOf(request), idOf(request)),
  );
  app.put(`${path}/:id`, organization, (request) =>
    catalog.update(resource, callerOf(request), { id: idOf(request), body: jsonBody(request) }),
  );
  app.delete(`${path}/:id`, organization, (request) =>
    catalog.remove(resource, callerOf(request), idOf(request)),
  );
};

/** The routes of every declared resource. */
export const mountResources = (
  app: FastifyInstance,
  resources: readonly Resource[],
  catalog: Catalog,
): void => {
  for (const resource of resources) {
    const mount = resource.singleton === undefined ? mountCollection : mountSingleton;
    mount(app, resource, catalog);
  }
};
