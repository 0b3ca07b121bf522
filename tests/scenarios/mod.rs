//! What must be true of uploads, shown with the real program, real files and the sandbox.

mod accounts;
mod again;
mod bad_input;
mod bounds;
mod doubts;
mod faults;
mod imports;
mod keychain;
mod leftovers;
mod sizes;
mod special_files;
mod verbs;
