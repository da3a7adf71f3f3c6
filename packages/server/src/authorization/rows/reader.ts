import type { Packet, Statement, Value } from "./packet.ts";

/** Reads rows of one organization in the transaction of a batch. */
export interface Reader {
  readonly packet: Packet;
  readonly orgId: string;
}

/** A statement whose first parameter is the organization. */
type OwnStatement = Pick<Statement, "name" | "text">;

export const query = <Columns extends object>(
  { packet, orgId }: Reader,
  statement: OwnStatement,
  values: readonly Value[],
): Promise<Columns[]> => packet.rows<Columns>({ ...statement, values: [orgId, ...values] });

/** The values of each row in the order of the statement: for what every decision reads, without an object to build. */
export const queryValues = <Values extends unknown[]>(
  { packet, orgId }: Reader,
  statement: OwnStatement,
  values: readonly Value[],
): Promise<Values[]> => packet.values<Values>({ ...statement, values: [orgId, ...values] });

export const byId = <Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]));
