import type { FastifyRequest } from "fastify";

/** Letters of a name or an address, maybe with a port: no path, no credentials. */
const authority = /^[a-z0-9._~:[\]-]+$/i;

const ownAddress = ({ socket }: FastifyRequest): string => {
  const { localAddress = "127.0.0.1", localPort = 80 } = socket;
  return `${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}`;
};

/**
 * Where links to this server begin, without a slash at the end. The configured URL; without one what the client calls us
 * by, which a client may make up, and where that is no address, the address that it has reached.
 */
export const originOf = (request: FastifyRequest, publicUrl: string | undefined): string => {
  if (publicUrl !== undefined) return publicUrl;
  const claimed = `${request.protocol}://${request.host}`;
  const isAddress = authority.test(request.host) && URL.canParse(claimed);
  return isAddress ? claimed : `${request.protocol}://${ownAddress(request)}`;
};
