using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Results;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise export</c></summary>
internal static class ExportVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("export", "Export a model to a file that another program runs: GGUF, for llama.cpp.",
            """
            skipwise export --model llama-2-7b-16k --out llama-2-7b-16k.gguf
            skipwise export --model llama-2-7b-16k --dtype q8_0 --out llama-2-7b-16k-q8_0.gguf
            skipwise export --model llama-2-7b --adapter lora-16k --dtype f16 --out llama-2-7b-16k.gguf
            skipwise export --model dynamic-model --rope ntk --rope-factor 13 --out fixed.gguf
            """);
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder of the model, with its tokenizer")
            .Sets(nameof(ExportModelOptions.Model));
        Flag<string?> adapter = verb.Adapter().Sets(nameof(ExportModelOptions.Adapter));
        Flag<ExportFormat> format =
            verb.Choice("--format", "format of the file", ExportFormat.Gguf).Sets(nameof(ExportModelOptions.Format));
        Flag<ExportDtype?> dtype = Dtype(verb).Sets(nameof(ExportModelOptions.Dtype));
        Flag<string> file = verb.Required("--out", "file", "file to write, replaced only if Skipwise wrote it")
            .Sets(nameof(ExportModelOptions.Out));
        var rope = new RopeFlags(verb);
        var json = new JsonFlag<ExportedFile>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options = new ExportModelOptions
            {
                Model = model.ValueOf(parse),
                Adapter = adapter.ValueOf(parse),
                Rope = rope.Of(parse),
                Format = format.ValueOf(parse),
                Dtype = dtype.ValueOf(parse),
                Out = file.ValueOf(parse),
            };
            ExportedModel exported = ExportModel.Run(options, screen.Notes, stop);
            string type = ExportModel.DtypeNames[(int)exported.Dtype];
            json.Show(parse, screen, new ExportedFile(options.Out, exported.Architecture, type, exported.Tensors, exported.Bytes), () =>
                screen.Line(
                    $"saved {options.Out}: architecture {exported.Architecture}, {exported.Tensors} tensors, {type}, " +
                    $"{exported.Bytes} bytes"));
            return ExitCode.Success;
        });
        return verb;
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
