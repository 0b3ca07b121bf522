// Accounts and definitions as the engine knows them. Refuses keys: they go straight to the engine and are not kept.

import type { Backend } from '../backend/backend';
import type { AccountView, ServiceView } from '../backend/bindings';

/** What can be uploaded to. */
export class Setup {
	/** Every account, by name. */
	accounts: readonly AccountView[] = $state.raw([]);
	/** Every definition. */
	services: readonly ServiceView[] = $state.raw([]);
	/** Whether both were told once. */
	ready = $state(false);

	#backend: Pick<Backend, 'accounts' | 'services'>;

	constructor(backend: Pick<Backend, 'accounts' | 'services'>) {
		this.#backend = backend;
	}

	/** Asks the engine for both. */
	async load(): Promise<void> {
		const [accounts, services] = await Promise.all([this.#backend.accounts(), this.#backend.services()]);
		this.accounts = accounts;
		this.services = services;
		this.ready = true;
	}

	/** The account of this name. */
	account(name: string): AccountView | undefined {
		return this.accounts.find((account) => account.name === name);
	}

	/** The definition of this identity. */
	service(id: string): ServiceView | undefined {
		return this.services.find((service) => service.id === id);
	}

	/** The definition that an account follows. */
	serviceOf(account: string): ServiceView | undefined {
		const known = this.account(account);
		return known && this.service(known.service);
	}
}
