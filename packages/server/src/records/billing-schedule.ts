import type { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import type { account } from "@turnpike/contract/accounts/account.ts";
import type { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import type { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { BillingSchedule } from "@turnpike/engine/time/bill-period.ts";
import {
  type Cadence,
  cadenceAnchor,
  type RepeatingFrequency,
} from "@turnpike/engine/time/cadence.ts";
import type { OpenPeriod, Period } from "@turnpike/engine/time/period.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";

type Config = Stored<typeof organizationConfig>;

export const dateOf = (text: string | undefined): Temporal.PlainDate | undefined =>
  text === undefined ? undefined : Temporal.PlainDate.from(text);

/** When an account plan or a price applies. */
export const activePeriod = ({
  startDate,
  endDate,
}: {
  readonly startDate: string;
  readonly endDate?: string | undefined;
}): OpenPeriod => ({
  start: Temporal.Instant.from(startDate),
  end: endDate === undefined ? undefined : Temporal.Instant.from(endDate),
});

/** The anchor of a cadence for an account: the narrowest epoch wins (m3ter semantics 18.1). */
export const anchorOf = (
  config: Config,
  epochs: { readonly own?: string | undefined; readonly account?: string | undefined },
  frequency: RepeatingFrequency,
): Temporal.PlainDate =>
  cadenceAnchor(
    {
      accountPlan: dateOf(epochs.own),
      account: dateOf(epochs.account),
      organization: {
        yearEpoch: Temporal.PlainDate.from(config.yearEpoch),
        monthEpoch: Temporal.PlainDate.from(config.monthEpoch),
        weekEpoch: Temporal.PlainDate.from(config.weekEpoch),
        dayEpoch: Temporal.PlainDate.from(config.dayEpoch),
      },
    },
    frequency,
  );

/** Days of the organization's zone; the end is exclusive (m3ter semantics 14.3, 15.1). */
export const localPeriod = (
  zone: string,
  { startDate, endDate }: { readonly startDate: string; readonly endDate: string },
): Period => {
  const startOf = (date: string) => Temporal.PlainDate.from(date).toZonedDateTime(zone).toInstant();
  return { start: startOf(startDate), end: startOf(endDate) };
};

/** How often the plans of a template are billed; undefined when they never are by themselves. */
export const repetitionOf = (
  template: Stored<typeof planTemplate> | undefined,
): Pick<Cadence, "frequency" | "interval"> | undefined => {
  if (template === undefined) return undefined;
  const { billFrequency: frequency, billFrequencyInterval: interval = 1 } = template;
  return frequency === "AD_HOC" || frequency === "MIXED" ? undefined : { frequency, interval };
};

export const zoneOf = ({ timezone }: Config): string => parseZone(timezone) ?? "UTC";

/** When an account's plan is billed; undefined when it never is by itself. */
export const scheduleOf = (
  config: Config,
  {
    owner,
    attachment,
    template,
  }: {
    readonly owner: Stored<typeof account>;
    readonly attachment: Stored<typeof accountPlan>;
    readonly template: Stored<typeof planTemplate> | undefined;
  },
): BillingSchedule | undefined => {
  const repetition = repetitionOf(template);
  if (repetition === undefined) return undefined;
  const epochs = { own: attachment.billEpoch, account: owner.billEpoch };
  return {
    cadence: { ...repetition, anchor: anchorOf(config, epochs, repetition.frequency) },
    zone: zoneOf(config),
    active: activePeriod(attachment),
  };
};
