import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../support/files.js';

/** What users import, and what an error calls the things in it by. */
const ENTRIES = ['src/index.ts', 'src/io/index.ts', 'src/infer/index.ts', 'src/worker/index.ts'];

/** The types of options. */
const TYPES = /(Options|LossCall|CheckpointParts|CheckpointExtras|OpDefinition)\b/;

/**
 * Every exported constructor and function and every public method that takes options, by its path: `nn.Linear`,
 * `nn.MSELoss.forward`, `io.saveModel`. A method stands with the exported class that declares it.
 */
export function takersOfOptions(): string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const program = ts.createProgram(
    ENTRIES.map((entry) => join(root, entry)),
    { ...options, noEmit: true },
  );
  const checker = program.getTypeChecker();
  const found: string[] = [];
  const classes = new Set<ts.Node | undefined>();
  const visited: (() => void)[] = [];

  const isOptions = (parameter: ts.Symbol): boolean => {
    const declaration = parameter.valueDeclaration;
    if (!declaration || !ts.isParameter(declaration)) return false;
    if (parameter.name === 'options') return true;
    return TYPES.test(declaration.type?.getText() ?? '');
  };
  const takes = (signatures: readonly ts.Signature[]): boolean =>
    signatures.some((signature) => signature.parameters.some(isOptions));
  const isInternal = (symbol: ts.Symbol): boolean =>
    symbol.getJsDocTags(checker).some(({ name }) => name === 'internal') ||
    symbol.declarations!.some(
      (declaration) =>
        ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected),
    );

  const visit = (symbol: ts.Symbol, path: string): void => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (target.flags & ts.SymbolFlags.Module) {
      for (const one of checker.getExportsOfModule(target)) visit(one, `${path}.${one.name}`);
      return;
    }
    if (!(target.flags & ts.SymbolFlags.Value) || symbol.declarations?.some(ts.isTypeOnlyExportDeclaration))
      return;
    const type = checker.getTypeOfSymbol(target);
    if (takes(type.getCallSignatures())) found.push(path);
    if (!(target.flags & ts.SymbolFlags.Class)) return;
    const declaration = target.valueDeclaration as ts.ClassDeclaration;
    classes.add(declaration);
    const isAbstract = ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Abstract;
    if (!isAbstract && takes(type.getConstructSignatures())) found.push(path);
    const members = [
      ...checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(target)),
      ...checker.getPropertiesOfType(type),
    ];
    visited.push(() => {
      for (const member of members) {
        if (!(member.flags & ts.SymbolFlags.Method) || isInternal(member)) continue;
        const owner = member.valueDeclaration?.parent;
        if (owner !== declaration && classes.has(owner)) continue;
        if (takes(checker.getTypeOfSymbol(member).getCallSignatures())) found.push(`${path}.${member.name}`);
      }
    });
  };

  for (const entry of ENTRIES) {
    const file = checker.getSymbolAtLocation(program.getSourceFile(join(root, entry))!)!;
    const room = entry.split('/').at(-2)!;
    for (const one of checker.getExportsOfModule(file)) {
      visit(one, room === 'src' ? one.name : `${room}.${one.name}`);
    }
  }
  for (const listMethods of visited) listMethods();
  return found;
}
