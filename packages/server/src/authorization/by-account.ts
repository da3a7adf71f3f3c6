/** Items that are of one account each, or of all. An organization may have one for each of its customers. */
export interface ByAccount<Item> {
  readonly ofAll: readonly Item[];
  readonly own: ReadonlyMap<string, readonly Item[]>;
}

export const byAccount = <Item>(
  items: readonly Item[],
  accountOf: (item: Item) => string | undefined,
): ByAccount<Item> => {
  const own = new Map<string, Item[]>();
  const ofAll: Item[] = [];
  for (const item of items) {
    const account = accountOf(item);
    const list = account === undefined ? ofAll : (own.get(account) ?? []);
    list.push(item);
    if (account !== undefined) own.set(account, list);
  }
  return { ofAll, own };
};

/** Those that can apply to one of the accounts: first what is of all. */
export const thoseOf = <Item>(
  { ofAll, own }: ByAccount<Item>,
  accounts: Iterable<string>,
): Item[] => [...ofAll, ...[...new Set(accounts)].flatMap((account) => own.get(account) ?? [])];
