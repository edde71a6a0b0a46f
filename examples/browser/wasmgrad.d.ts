export * from 'wasmgrad';
