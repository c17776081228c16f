using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using static System.FormattableString;

namespace Skipwise.Cli.Verbs;

/// <summary>Shows an adapter that <c>export</c> has written alone, and how llama.cpp gets the RoPE scaling that belongs to it.</summary>
internal static class AdapterResult
{
    /// <param name="needed">the base model's file that the adapter's belongs to</param>
    public static void Show(ParseResult parse, Screen screen, JsonFlag<CheckedExport> json, ExportModelOptions options,
        ExportedModel exported, RequiredBase needed)
    {
        string dtype = ExportModel.NameOf(exported.Dtype), note = Note(options, needed);
        var result = new CheckedExport(options.Out, exported.Architecture, dtype, exported.Tensors, exported.Bytes, []) { Note = note };
        json.Show(parse, screen, result, () => screen.Line(
            $"saved {options.Out}: adapter for {exported.Architecture}, {exported.Tensors} tensors, {dtype}, {exported.Bytes} bytes"));
        screen.Note($"note: {note}");
    }

    private static string Note(ExportModelOptions options, RequiredBase needed)
    {
        string command = needed.Rope is { } rope
            ? $"Write such a file with: {Command(options.Model, rope, needed.Window)}"
            : $"No options of export say it: {(File.Exists(options.Model) ? "" : Copy(options))}export the whole model, with --format gguf";
        string arguments = needed.LlamaCppArguments is null ? ""
            : $". Or give llama.cpp a file of the base model without any scaling, and: {needed.LlamaCppArguments}";
        return "an adapter's file has no RoPE scaling: llama.cpp takes it from the base model's file, which must have the one that the " +
            $"adapter was trained with. {command}{arguments}";
    }

    private static string Copy(ExportModelOptions options) =>
        $"copy {options.Model}, with {options.Adapter}'s config.json in place of its own, and export that; or ";

    private static string Command(string model, RopeOverrides rope, int window)
    {
        string name = ExportModel.NameOf(model);
        name = name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? name[..^".gguf".Length] : name;
        (string Flag, string? Value)[] flags =
        [
            ("--rope", rope.Type is { } type ? RopeTypeNames.NameOf(type) : null),
            ("--rope-factor", rope.Factor is { } factor ? Invariant($"{factor}") : null),
            ("--rope-original-length", rope.OriginalLength is { } length ? Invariant($"{length}") : null),
            ("--rope-theta", rope.Theta is { } theta ? Invariant($"{theta}") : null),
        ];
        string said = string.Concat(flags.Where(flag => flag.Value is not null).Select(flag => $" {flag.Flag} {flag.Value}"));
        return $"skipwise export --model {RunSummary.Quoted(model)}{said} --out {RunSummary.Quoted($"{name}-{window}.gguf")}";
    }
}
