using System.CommandLine;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise export</c></summary>
internal static class ExportVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("export", "Export a model to a file that another program runs (GGUF, for llama.cpp), or check such a file.",
            """
            skipwise export --model llama-2-7b-16k --out llama-2-7b-16k.gguf
            skipwise export --model llama-2-7b-16k --dtype q8_0 --out llama-2-7b-16k-q8_0.gguf
            skipwise export --model llama-2-7b --adapter lora-16k --dtype f16 --out llama-2-7b-16k.gguf
            skipwise export --model dynamic-model --rope ntk --rope-factor 13 --out fixed.gguf
            skipwise export --model llama-2-7b-16k --check converted-elsewhere.gguf
            """);
        Flag<string> model = verb.Required("--model", "folder",
                "Hugging Face folder of the model, with its tokenizer, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(ExportModelOptions.Model));
        Flag<string?> adapter = verb.Adapter().Sets(nameof(ExportModelOptions.Adapter));
        Flag<ExportFormat> format =
            verb.Choice("--format", "format of the file", ExportFormat.Gguf).Sets(nameof(ExportModelOptions.Format));
        Flag<ExportDtype?> dtype = Dtype(verb).Sets(nameof(ExportModelOptions.Dtype));
        Flag<string?> file = verb.Text("--out", "file", "file to write, replaced only if Skipwise wrote it")
            .Sets(nameof(ExportModelOptions.Out));
        Flag<string?> checkedFile = verb.Text("--check", "file",
            "GGUF file of the model, by any program: compare the frequencies that llama.cpp computes from it with the model's, and " +
            "write nothing");
        var rope = new RopeFlags(verb);
        var json = new JsonFlag<CheckedExport>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var source = new ModelSource(model.ValueOf(parse), rope.Of(parse), Adapter: adapter.ValueOf(parse));
            OptionCheck.Require("Export", source);
            switch ((file.ValueOf(parse), checkedFile.ValueOf(parse)))
            {
                case ({ } written, null):
                    var options = new ExportModelOptions
                    {
                        Model = source.Folder,
                        Adapter = source.Adapter,
                        Rope = source.Rope!,
                        Format = format.ValueOf(parse),
                        Dtype = dtype.ValueOf(parse),
                        Out = written,
                    };
                    ExportModel.Run(options, screen.Notes, stop);
                    return Show(parse, screen, json, CheckExport.Run(source, written), "saved ");
                case (null, { } other):
                    return Show(parse, screen, json, CheckExport.Run(source, other), "");
                default:
                    throw new SkipwiseException($"give one of {file.Name}, a file to write, and {checkedFile.Name}, one to check");
            }
        });
        return verb;
    }

    private static int Show(ParseResult parse, Screen screen, JsonFlag<CheckedExport> json, CheckedExport result, string done)
    {
        json.Show(parse, screen, result, () =>
        {
            screen.Line(
                $"{done}{result.File}: architecture {result.Architecture}, {result.Tensors} tensors, {result.Dtype}, {result.Bytes} bytes");
            string frequencies = result.Passes ? "equal to" : FormattableString.Invariant($"up to {result.LargestRatio:0.####} times");
            screen.Line($"llama.cpp's frequencies: {frequencies} the model's; " + FormattableString.Invariant(
                $"scale of cos and sin {result.AttentionScale:0.####}, expected {result.ExpectedScale:0.####}"));
        });
        if (result.Passes)
        {
            return ExitCode.Success;
        }
        screen.Error($"{result.File}: llama.cpp rotates otherwise than the model was trained: {string.Join("; ", result.Differences)}");
        return ExitCode.CheckFailed;
    }

    private static Flag<ExportDtype?> Dtype(Verb verb)
    {
        IReadOnlyList<string> names = ExportModel.DtypeNames;
        ExportDtype? Parse(string text)
        {
            for (int i = 0; i < names.Count; i++)
            {
                if (string.Equals(names[i], text, StringComparison.OrdinalIgnoreCase))
                {
                    return (ExportDtype)i;
                }
            }
            throw new FormatException($"expected one of {string.Join(", ", names)}.{Suggestion.DidYouMean(text, names)}");
        }

        var option = verb.Add("--dtype", string.Join('|', names),
            "type of the matrices; vectors are always f32 [default: the type of the model's files]", Parse);
        option.Completing(names);
        return new(option, null);
    }
}
