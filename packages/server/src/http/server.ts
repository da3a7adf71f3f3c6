import { randomUUID } from "node:crypto";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Logger } from "pino";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Keys } from "../access/keys.ts";
import type { Permissions } from "../access/permissions.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { World } from "../operations/handler.ts";
import {
  authenticateBearer,
  authenticateKey,
  checkOrganization,
  showsKey,
} from "./authentication.ts";
import { readBody } from "./bodies.ts";
import { printOpenApi } from "./openapi.ts";
import { mountOperations } from "./operation-routes.ts";
import { refuseUnreadable, sendError, sendProblem } from "./replies.ts";
import { pathParams } from "./requests.ts";
import { mountResources } from "./resource-routes.ts";
import { createTurnEnd } from "./turn-end.ts";

export interface HttpParts {
  readonly world: World;
  readonly keys: Keys;
  readonly permissions: Permissions;
  readonly resources: readonly Resource[];
  readonly logger: Logger;
  /** What links begin with, without a slash at the end. */
  readonly publicUrl: string | undefined;
  readonly bodyBytesMax: number;
  readonly ingestBodyBytesMax: number;
  /** Throws while the server cannot serve. */
  readonly checkReady: () => Promise<void>;
  readonly metrics: Pick<Metrics, "print" | "answered">;
}

/** The whole API, ready to listen. */
export const createHttpServer = (parts: HttpParts): FastifyInstance => {
  const loggerInstance: FastifyBaseLogger = parts.logger;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    bodyLimit: parts.bodyBytesMax,
    // A path may hold a doubled slash: one SDK sends it (m3ter semantics 2.1).
    routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, maxParamLength: 512 },
    frameworkErrors: sendError,
    // Who asks on a connection that is open yet has an answer, and then no connection.
    return503OnClosing: false,
    clientErrorHandler: refuseUnreadable,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", readBody);
  app.decorateRequest("principal", undefined);
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem("ROUTE_NOT_FOUND")));
  addAuthentication(app, parts);
  addLogging(app, parts);
  addEnding(app);
  mountProcessRoutes(app, parts);
  mountOperations(app, parts);
  mountResources(app, parts.resources, parts.world.catalog);
  return app;
};

/** Every route of an organization passes here, and a route that does not say what it asks for lets nobody in. */
const addAuthentication = (app: FastifyInstance, parts: HttpParts): void => {
  const { world, keys, permissions } = parts;
  const turnEnd = createTurnEnd();
  app.addHook("onRequest", async (request) => {
    const { access, permission, takesKey } = request.routeOptions.config;
    if (access === "key") request.principal = await authenticateKey(request, keys);
    if (access !== "organization") return;
    await turnEnd();
    const principal =
      takesKey === true && showsKey(request)
        ? await authenticateKey(request, keys)
        : await authenticateBearer(request, world.tokens);
    const params = pathParams(request);
    checkOrganization(principal, params["orgId"] ?? "");
    if (permission === undefined) throw new Problem("NOT_PERMITTED");
    const item = permission === "none" ? undefined : permission.item;
    await permissions.check(principal, permission, item === undefined ? undefined : params[item]);
    request.principal = principal;
  });
};

/** One line for each request, without its headers and body, which hold secrets; and it is counted. */
const addLogging = (app: FastifyInstance, { metrics }: HttpParts): void => {
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  app.addHook("onResponse", async (request, reply) => {
    const fields = requestFields(request);
    const { statusCode: status, elapsedTime: ms } = reply;
    request.log.info({ ...fields, status, ms: Math.round(ms * 1000) / 1000 }, "request");
    metrics.answered({ method: fields.method, route: fields.route, status, ms });
  });
};

/**
 * What was asked before the end is answered after it has begun: on a connection that nobody keeps then. The end would wait
 * until a client gives up one that is open, and be cut off before.
 */
const addEnding = (app: FastifyInstance): void => {
  let isEnding = false;
  app.addHook("preClose", (done) => {
    isEnding = true;
    done();
  });
  app.addHook("onSend", async (_request, reply) => {
    if (isEnding) reply.header("connection", "close");
  });
};

const requestFields = (request: FastifyRequest) => ({
  method: request.method,
  route: request.routeOptions.url ?? "unknown",
  orgId: request.principal?.orgId,
});

const mountProcessRoutes = (app: FastifyInstance, parts: HttpParts): void => {
  const openApi = printOpenApi(parts.resources);
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    await parts.checkReady();
    return { status: "ready" };
  });
  app.get("/openapi.json", async () => openApi);
  app.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await parts.metrics.print()),
  );
};
