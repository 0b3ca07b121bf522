// The engine behind Tauri's commands. The only file that may import @tauri-apps; refuses anything but passing on.

import { Channel, invoke } from '@tauri-apps/api/core';
import type { Backend, DropEvent, Unsubscribe } from './backend';
import type { Feed } from './bindings';

function listen<T>(command: string, onMessage: (message: T) => void): Unsubscribe {
	const channel = new Channel<T>();
	let open = true;
	channel.onmessage = (message) => {
		if (open) onMessage(message);
	};
	// An engine that cannot be opened says so to every question; the first of them, for the services, shows it.
	invoke(command, { channel }).catch(() => undefined);
	return () => {
		open = false;
	};
}

/** The engine of the desktop program this page runs in. */
export const tauri: Backend = {
	subscribe: (onFeed) => listen<Feed>('subscribe', onFeed),
	onDrop: (onDrop) => listen<DropEvent>('drops', onDrop),

	services: () => invoke('services'),
	addServiceFromFile: () => invoke('add_service'),
	accounts: () => invoke('accounts'),
	addAccount: (account) => invoke('add_account', { account }),
	tryAccount: (account) => invoke('try_account', { account }),
	testAccount: (name) => invoke('test_account', { name }),
	setKey: (account, key) => invoke('set_key', { account, key }),
	removeAccount: (name) => invoke('remove_account', { name }),

	pickFiles: () => invoke('pick_files'),
	pickFolder: () => invoke('pick_folder'),
	paste: () => invoke('paste'),
	add: ({ drop, account, options, mode }) => invoke('add', { drop, account, options, mode }),
	dismissDrop: (drop) => invoke('dismiss_drop', { drop }),
	importUrl: ({ url, account, name, options }) => invoke('import_url', { url, account, name, options }),

	folders: () => invoke('folders'),
	chooseFolder: () => invoke('choose_folder'),
	previewFolder: (of) => invoke('preview_folder', { of }),
	addFolder: (pick, choices, onlyNew) => invoke('add_folder', { pick, choices, onlyNew }),
	changeFolder: (id, choices) => invoke('change_folder', { id, choices }),
	removeFolder: (id) => invoke('remove_folder', { id }),
	pauseFolder: (id) => invoke('pause_folder', { id }),
	resumeFolder: (id) => invoke('resume_folder', { id }),
	scanFolder: (id) => invoke('scan_folder', { id }),
	testRules: (rules, name) => invoke('test_rules', { rules, name }),

	pause: (selection) => invoke('pause', { selection }),
	resume: (selection) => invoke('resume', { selection }),
	retry: (selection) => invoke('retry', { selection }),
	cancel: (selection) => invoke('cancel', { selection }),
	remove: (selection) => invoke('remove', { selection }),
	next: (selection) => invoke('next', { selection }),

	leftovers: () => invoke('leftovers'),
	dropLeftovers: (selection) => invoke('drop_leftovers', { selection }),

	details: (id) => invoke('details', { id }),
	receipts: (selection) => invoke('receipts', { selection }),
	saveReceipt: (id) => invoke('save_receipt', { id }),
	copy: (text) => invoke('copy', { text }),

	settings: () => invoke('settings'),
	changeSettings: (settings) => invoke('change_settings', { settings }),
	doctor: () => invoke('doctor'),
};
