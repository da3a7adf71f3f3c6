import type { MemoLineItem } from "@turnpike/contract/billing/memo-line-item.ts";
import {
  createMemo,
  deleteMemo,
  findMemos,
  getMemo,
  type MemoPlace,
  memoReply,
  updateMemo,
} from "../billing/memos.ts";
import type { MemoType } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import type { World } from "./handler.ts";

interface Placed extends Caller {
  readonly params: Readonly<Record<string, string>>;
}

const place = (request: Placed, type: MemoType): MemoPlace => ({
  caller: { orgId: request.orgId, principal: request.principal },
  billId: request.params["billId"] ?? "",
  type,
});

const idOf = ({ params }: Placed): string => params["id"] ?? "";

interface Written extends Placed {
  readonly body: MemoLineItem;
}

interface Paged extends Placed {
  readonly query: { readonly pageSize: number; readonly nextToken?: string | undefined };
}

/** The five verbs of one type of memo line. */
const verbs = (type: MemoType) => ({
  create: async (request: Written, world: World) =>
    memoReply(await createMemo(world, place(request, type), request.body)),

  list: async (request: Paged, { database }: World) => {
    const { pageSize, nextToken } = request.query;
    const after = nextToken === undefined ? undefined : decodePosition(nextToken);
    const rows = await findMemos(database, place(request, type), { limit: pageSize + 1, after });
    return pageOf(rows.map(memoReply), pageSize, ({ dtCreated, id }) => ({
      createdAt: dtCreated,
      id,
    }));
  },

  get: async (request: Placed, { database }: World) =>
    memoReply(await getMemo(database, place(request, type), idOf(request))),

  update: async (request: Written, world: World) => {
    const change = { id: idOf(request), given: request.body };
    return memoReply(await updateMemo(world, place(request, type), change));
  },

  remove: async (request: Placed, world: World) =>
    memoReply(await deleteMemo(world, place(request, type), idOf(request))),
});

const credit = verbs("CREDIT_MEMO");
const debit = verbs("DEBIT_MEMO");

export const createCreditLineItem = credit.create;
export const listCreditLineItems = credit.list;
export const getCreditLineItem = credit.get;
export const updateCreditLineItem = credit.update;
export const deleteCreditLineItem = credit.remove;
export const createDebitLineItem = debit.create;
export const listDebitLineItems = debit.list;
export const getDebitLineItem = debit.get;
export const updateDebitLineItem = debit.update;
export const deleteDebitLineItem = debit.remove;
