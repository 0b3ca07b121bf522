import { fireEvent, render, screen } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import type { TestReport } from '../../src/backend/bindings';
import { ACCOUNTS, SERVICES } from '../../src/backend/fake/services';
import { accountMistakes, blankAccount, blankOptions, filled, newAccount } from '../../src/forms';
import AccountForm from '../../src/parts/AccountForm.svelte';
import UploadOptions from '../../src/parts/UploadOptions.svelte';
import { AccountForm as Form } from '../../src/state/account-form.svelte';
import { AccountTests } from '../../src/state/account-tests.svelte';

const service = (id: string) => {
	const found = SERVICES.find((known) => known.id === id);
	if (!found) throw new Error(id);
	return found;
};

describe('an account', () => {
	it('begins with a free name and the defaults of choices', () => {
		expect(blankAccount(service('empirical'), ['empirical', 'empirical-2'])).toMatchObject({
			name: 'empirical-3',
			options: { collection: 'files' },
		});
	});

	it.each([
		[{ options: {} }, ['option:project_id']],
		[{ options: { project_id: 'x' } }, ['option:project_id']],
		[{ name: ' ' }, ['name']],
		[{ name: 'lab' }, ['name']],
		[{ baseUrl: 'http://example.com' }, ['baseUrl']],
		[{ baseUrl: 'http://127.0.0.1:8080/x' }, []],
		[{ baseUrl: 'https://example.com' }, []],
	])('with %j has mistakes in %j', (part, fields) => {
		const draft = { ...blankAccount(service('empirical'), []), options: { project_id: '7' }, ...part };
		expect(Object.keys(accountMistakes(draft, service('empirical'), ['lab']))).toEqual(fields);
	});

	it('leaves out what is empty', () => {
		const draft = { ...blankAccount(service('notion'), []), key: ' secret ', options: { attach_to: '  ' } };
		expect(newAccount(draft, true)).toEqual({ name: 'notion', service: 'notion', base_url: null, options: {}, key: 'secret', test: true });
		expect(filled({ 'metadata.a': '1', 'metadata.': '2' })).toEqual({ 'metadata.a': '1' });
	});
});

describe('the form', () => {
	it('is built from the definition', async () => {
		const onchange = vi.fn();
		const draft = blankAccount(service('empirical'), []);
		render(AccountForm, {
			services: SERVICES,
			service: service('empirical'),
			draft,
			mistakes: { 'option:project_id': 'wrong' },
			onservice: vi.fn(),
			onchange,
		});
		const project = screen.getByLabelText(/Project/);
		expect(project.getAttribute('aria-invalid')).toBe('true');
		expect(screen.getByText('wrong').id).toBe(project.getAttribute('aria-describedby'));
		await fireEvent.input(project, { target: { value: '12' } });
		expect(onchange.mock.calls[0]?.[0]).toMatchObject({ options: { project_id: '12', collection: 'files' } });
		expect((screen.getByTestId('option-collection') as HTMLSelectElement).value).toBe('files');
		expect((screen.getByTestId('account-key') as HTMLInputElement).type).toBe('password');
	});

	it('writes a map as one option for each key', async () => {
		const onchange = vi.fn();
		render(UploadOptions, { service: service('andi'), values: blankOptions(service('andi').upload_options), mistakes: {}, onchange });
		await fireEvent.click(screen.getByText('Add a pair'));
		await fireEvent.input(screen.getByLabelText('Name'), { target: { value: 'color' } });
		await fireEvent.input(screen.getByLabelText('Value'), { target: { value: 'red' } });
		expect(onchange.mock.lastCall?.[0]).toEqual({ 'metadata.color': 'red' });
	});
});

/** A service whose answers are given by hand. */
function slow() {
	const waiting: { resolve: (report: TestReport) => void; reject: (fault: unknown) => void }[] = [];
	return { waiting, ask: vi.fn(() => new Promise<TestReport>((resolve, reject) => waiting.push({ resolve, reject }))) };
}

const report = (finding: string): TestReport => ({ account: ACCOUNTS[0] as (typeof ACCOUNTS)[number], asked: true, findings: [finding] });

describe('a test of what is filled in', () => {
	function testing() {
		const { ask, waiting } = slow();
		const form = new Form({ tryAccount: ask, addAccount: ask }, SERVICES, [], service('notion'));
		const change = (key: string): void => form.change({ ...form.draft, key });
		return { form, change, waiting };
	}

	it('says nothing about what was filled in before', async () => {
		const { form, change, waiting } = testing();
		const passed = form.test();
		change('b');
		waiting[0]?.resolve(report('of a'));
		await passed;
		expect([form.busy, form.report]).toEqual([null, null]);
		const refused = form.test();
		change('c');
		waiting[1]?.reject(new Error('of b'));
		await refused;
		expect([form.busy, form.fault]).toEqual([null, null]);
		const current = form.test();
		waiting[2]?.resolve(report('of c'));
		await current;
		expect(form.report?.findings).toEqual(['of c']);
	});

	it('does not hide that it could not be saved', async () => {
		const { form, change, waiting } = testing();
		const saved = form.save();
		change('b');
		waiting[0]?.reject(new Error('refused'));
		expect(await saved).toBe(false);
		expect(form.fault?.message).toBe('refused');
	});
});

describe('a test of an account that is there', () => {
	it('is forgotten with the key it was about, even when the answer comes late', async () => {
		const { ask, waiting } = slow();
		const tests = new AccountTests({ testAccount: ask });
		const old = tests.run('lab');
		void tests.run('wiki');
		tests.forget('lab');
		expect([...tests.outcomes.keys()]).toEqual(['wiki']);
		const fresh = tests.run('lab');
		waiting[0]?.resolve(report('old key'));
		await old;
		expect(tests.outcomes.get('lab')).toBe('asking');
		waiting[2]?.resolve(report('new key'));
		await fresh;
		expect(tests.outcomes.get('lab')).toMatchObject({ findings: ['new key'] });
		tests.clear();
		expect(tests.outcomes.size).toBe(0);
	});
});
