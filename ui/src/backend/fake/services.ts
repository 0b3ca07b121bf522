// Definitions and accounts of the scripted engine: the five that ship, in the words of their TOML files.

import type { AccountView, OptionView, ServiceView } from '../bindings';

function option(name: string, label: string, help: string, more: Partial<OptionView> = {}): OptionView {
	return { name, label, help, kind: 'text', choices: [], required: false, default: null, ...more };
}

const AUTOMATIC = [
	{ id: 'single', about: 'One request, for small files.', assumed: false, import: false },
	{ id: 'parts', about: 'In parts, for large files; goes on after a break.', assumed: false, import: false },
];

/** Every definition. */
export const SERVICES: ServiceView[] = [
	{
		id: 'andi',
		name: 'Andi',
		about: 'Files for Andi assistants and their knowledge.',
		key_help: 'Andi dashboard, Settings, API keys. The key needs the permission files.write.',
		key_label: 'API key',
		documentation: 'https://docs.andi.example/files',
		base_url: 'https://api.andi.example',
		user_added: false,
		account_options: [
			option('auth', 'Sends the key as', 'Both are accepted by the service.', {
				kind: 'choice',
				choices: ['bearer', 'x-api-key'],
				default: 'bearer',
			}),
		],
		upload_options: [
			option('directory', 'Directory', 'Where the file goes, such as reports/2026.'),
			option('metadata', 'Metadata', 'Names with values, kept with the file.', { kind: 'map' }),
		],
		modes: [...AUTOMATIC, { id: 'import', about: 'The service fetches an address.', assumed: false, import: true }],
		limits: ['Files up to 5 GB', '60 requests a minute'],
		assumed: [],
	},
	{
		id: 'notion',
		name: 'Notion',
		about: 'Files for Notion pages.',
		key_help: 'notion.so/my-integrations, your integration, Internal Integration Secret. Share the page with the integration.',
		key_label: 'Integration token',
		documentation: 'https://developers.notion.com/docs/working-with-files-and-media',
		base_url: 'https://api.notion.com',
		user_added: false,
		account_options: [
			option('notion_version', 'API version', 'The newest known when left empty.', { default: '2025-09-03' }),
			option(
				'attach_to',
				'Attach to',
				'ID or address of a page or block. A file that is attached to nothing is deleted by Notion after an hour.',
			),
		],
		upload_options: [option('attach_to', 'Attach to', 'ID or address of a page or block; the account’s when left empty.')],
		modes: [...AUTOMATIC, { id: 'import', about: 'Notion fetches an address.', assumed: false, import: true }],
		limits: ['Files up to 5 GB on paid plans, 5 MB on the free plan', 'Names up to 900 bytes', '3 requests a second'],
		assumed: [],
	},
	{
		id: 'empirical',
		name: 'Empirical',
		about: 'Files and resources of a research project.',
		key_help: 'Empirical, your profile, API keys.',
		key_label: 'API key',
		documentation: 'https://docs.empirical.example',
		base_url: 'https://api.empirical.example',
		user_added: false,
		account_options: [
			option('project_id', 'Project', 'The number in the address of the project.', { kind: 'integer', required: true }),
			option('collection', 'Collection', 'What the files become.', { kind: 'choice', choices: ['files', 'resources'], default: 'files' }),
		],
		upload_options: [option('description', 'Description', 'A sentence that is kept with the file.')],
		modes: AUTOMATIC,
		limits: ['Files up to 50 GB'],
		assumed: ['How long a presigned address lives'],
	},
	{
		id: 'rebilly',
		name: 'Rebilly',
		about: 'Files of a Rebilly organization, such as proofs and invoices.',
		key_help: 'Rebilly, Automations, API keys, a secret key.',
		key_label: 'Key or token',
		documentation: 'https://www.rebilly.com/docs/',
		base_url: 'https://api.rebilly.com',
		user_added: false,
		account_options: [
			option('organization_id', 'Organization', 'Only when the key is good for several.'),
			option('auth', 'Kind of key', '', { kind: 'choice', choices: ['secret', 'jwt', 'publishable'], default: 'secret' }),
		],
		upload_options: [
			option('description', 'Description', 'A sentence that is kept with the file.'),
			option('tags', 'Tags', 'Words to find the file by.', { kind: 'list' }),
			option('is_public', 'Public', 'Anyone with the link can read the file.', { kind: 'boolean', default: 'false' }),
		],
		modes: AUTOMATIC.slice(0, 1),
		limits: ['Files up to 10 MB', 'JPEG, PNG, PDF, MP3'],
		assumed: [],
	},
	{
		id: 'archetype',
		name: 'Archetype',
		about: 'Sensor files for Archetype models.',
		key_help: 'Archetype console, API keys.',
		key_label: 'API key',
		documentation: 'https://docs.archetype.example',
		base_url: 'https://api.archetype.example',
		user_added: false,
		account_options: [],
		upload_options: [],
		modes: AUTOMATIC,
		limits: ['Files up to 5 TB, 10,000 parts'],
		assumed: ['Whether a repeated complete is harmless'],
	},
];

/** A definition that a person adds from a file. */
export const ADDED_SERVICE: ServiceView = {
	...(SERVICES[4] as ServiceView),
	id: 'studio-store',
	name: 'Studio store',
	about: 'The store of our own studio.',
	base_url: 'https://store.studio.example',
	user_added: true,
};

function account(name: string, service: string, options: Record<string, string> = {}): AccountView {
	const of = SERVICES.find((known) => known.id === service) as ServiceView;
	return { name, service, service_name: of.name, base_url: of.base_url, options, needs_key: false };
}

/** The accounts a script may begin with, in order. */
export const ACCOUNTS: AccountView[] = [
	account('team-wiki', 'notion'),
	account('lab', 'empirical', { project_id: '4711', collection: 'files' }),
	account('billing', 'rebilly', { auth: 'secret' }),
];
