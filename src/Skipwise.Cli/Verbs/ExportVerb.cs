using System.CommandLine;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Models;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise export</c></summary>
internal static class ExportVerb
{
    private static readonly string[] s_programs = ["transformers-4", "transformers-5", "vllm", "llama.cpp", "mlx"]; // of ExportTarget

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("export",
            "Export a model for other programs, as a Hugging Face folder or a GGUF file, or check what is exported.",
            """
            skipwise export --model lora-16k/merged --out llama-2-7b-16k
            skipwise export --model llama-2-7b-16k --for vllm --dtype bf16 --results eval --out llama-2-7b-16k-bf16
            skipwise export --model llama-2-7b --adapter lora-16k --dtype q8_0 --out llama-2-7b-16k-q8_0.gguf
            skipwise export --model llama-2-7b --adapter lora-16k --format gguf-lora --out lora-16k.gguf
            skipwise export --model llama-2-7b-16k --check converted-elsewhere.gguf
            """);
        Flag<string?> model = verb.Text("--model", "folder",
            "Hugging Face folder of the model, with its tokenizer, ORG/NAME after 'pull', or a GGUF file; only a check does without")
            .Sets(nameof(ExportModelOptions.Model));
        Flag<string?> adapter = verb.Adapter().Sets(nameof(ExportModelOptions.Adapter));
        Flag<ExportFormat?> format = Named<ExportFormat>(verb, "--format", ["hf", "gguf", "gguf-lora"],
            "a Hugging Face folder, a GGUF file, or the adapter alone for llama.cpp's --lora [default: gguf if --out ends in .gguf or " +
            "--for is llama.cpp, else hf]")
            .Sets(nameof(ExportModelOptions.Format));
        Flag<ExportTarget?> program = Named<ExportTarget>(verb, "--for", s_programs,
            "program that has to run it: what it would run otherwise than trained is refused [default: any of them]")
            .Sets(nameof(ExportModelOptions.For));
        Flag<ExportDtype?> dtype = Named<ExportDtype>(verb, "--dtype", ExportModel.DtypeNames,
            "type of the weights; in a GGUF file vectors are always f32, and a folder has no q types [default: that of the files]")
            .Sets(nameof(ExportModelOptions.Dtype));
        Flag<string?> results = verb.Text("--results", "folder", "folder of 'eval all', whose numbers come into the folder's model card")
            .Sets(nameof(ExportModelOptions.Results));
        Flag<string?> path = verb.Text("--out", "path", "folder or file to write, replaced only if Skipwise wrote it")
            .Sets(nameof(ExportModelOptions.Out));
        Flag<string?> checkedPath = verb.Text("--check", "path",
            "folder or GGUF file of the model, by any program: compare the frequencies that each program computes from it with the " +
            "model's, or without --model with what Skipwise reads there, and write nothing");
        var rope = new RopeFlags(verb);
        var json = new JsonFlag<CheckedExport>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            RopeOverrides scaling = rope.Of(parse);
            OptionCheck.Require("Export", scaling);
            ModelSource? source = (model.ValueOf(parse) ?? checkedPath.ValueOf(parse)) is { } named
                ? new ModelSource(named, scaling, Adapter: adapter.ValueOf(parse)) : null;
            ExportTarget? asked = program.ValueOf(parse);
            switch ((path.ValueOf(parse), checkedPath.ValueOf(parse)))
            {
                case ({ } written, null) when source is not null:
                    var options = new ExportModelOptions
                    {
                        Model = source.Folder,
                        Adapter = source.Adapter,
                        Rope = scaling,
                        Format = format.ValueOf(parse),
                        For = asked,
                        Dtype = dtype.ValueOf(parse),
                        Results = results.ValueOf(parse),
                        Out = written,
                    };
                    ExportedModel exported = ExportModel.Run(options, screen.Notes, stop);
                    if (exported.Base is { } needed)
                    {
                        AdapterResult.Show(parse, screen, json, options, exported, needed);
                        return ExitCode.Success;
                    }
                    return Show(parse, screen, json, CheckExport.Run(written, source, asked), isWritten: true, asked is not null);
                case (null, { } other) when dtype.ValueOf(parse) is null && format.ValueOf(parse) is null && results.ValueOf(parse) is null:
                    return Show(parse, screen, json, CheckExport.Run(other, source!, asked), isWritten: false, mustPass: true);
                case (null, { }):
                    throw new SkipwiseException(
                        $"{dtype.Name}, {format.Name} and {results.Name} are of what is written, and {checkedPath.Name} writes nothing");
                case ({ }, null):
                    throw new SkipwiseException($"{model.Name} is missing: the model that is to be exported");
                default:
                    throw new SkipwiseException($"give one of {path.Name}, what to write, and {checkedPath.Name}, what to check");
            }
        });
        return verb;
    }

    /// <param name="mustPass">whether a program that rotates otherwise is the user's error, not only of interest</param>
    private static int Show(ParseResult parse, Screen screen, JsonFlag<CheckedExport> json, CheckedExport result, bool isWritten,
        bool mustPass)
    {
        json.Show(parse, screen, result, () =>
        {
            screen.Line($"{(isWritten ? "saved " : "")}{result.Path}: {result.Architecture}, {result.Tensors} tensors, {result.Dtype}, " +
                $"{result.Bytes} bytes");
            foreach (CheckedProgram program in result.Programs)
            {
                screen.Line($"  {program.Program}: {(program.Passes ? "as trained" : "NOT as trained")}{Numbers(program)}; {program.Note}");
            }
        });
        bool isFile = File.Exists(result.Path);
        if (result.Passes || (!mustPass && !isFile))
        {
            return ExitCode.Success;
        }
        IEnumerable<string> faults = result.Programs.Where(program => program.IsFault)
            .GroupBy(program => string.Join("; ", program.Differences.DefaultIfEmpty(program.Note)))
            .Select(same => $"{string.Join(", ", same.Select(program => program.Program))}: {same.Key}");
        screen.Error($"{result.Path}: not every program runs it as it was trained. {string.Join(". ", faults)}");
        return ExitCode.CheckFailed;
    }

    private static string Numbers(CheckedProgram program)
    {
        if (program is not { LargestRatio: { } ratio, AttentionScale: { } scale, ExpectedScale: { } expected })
        {
            return "";
        }
        bool areEqual = new RotationDifference(ratio, scale, expected).HasSameFrequencies;
        string frequencies = areEqual ? "equal" : FormattableString.Invariant($"up to {ratio:0.####} times the model's");
        return FormattableString.Invariant($", frequencies {frequencies}, scale of cos and sin {scale:0.####} of {expected:0.####}");
    }

    /// <summary>An option whose names are in the order of an enumeration.</summary>
    private static Flag<T?> Named<T>(Verb verb, string flag, IReadOnlyList<string> names, string description) where T : struct, Enum
    {
        T[] values = Enum.GetValues<T>();
        T? Parse(string text)
        {
            for (int i = 0; i < names.Count; i++)
            {
                if (string.Equals(names[i], text, StringComparison.OrdinalIgnoreCase))
                {
                    return values[i];
                }
            }
            throw new FormatException($"expected one of {string.Join(", ", names)}.{Suggestion.DidYouMean(text, names)}");
        }

        var option = verb.Add(flag, string.Join('|', names), description, Parse);
        option.Completing(names);
        return new(option, null);
    }
}
