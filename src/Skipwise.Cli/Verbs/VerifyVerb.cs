using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Recipes;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise verify</c></summary>
internal static class VerifyVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("verify",
            "Compare Skipwise's logits with those that another program computed with the same model, for any position ids.",
            """
            skipwise verify --model llama-2-7b --reference reference.safetensors
            skipwise verify --model llama-2-7b --adapter lora-16k --reference as-peft.safetensors
            skipwise verify --model llama-2-7b --rope yarn --rope-factor 8 --reference yarn.safetensors --atol 0.001 --json
            # a reference holds input_ids, and for every NAME position_ids.NAME and logits.NAME
            """);
        Flag<string> model = verb.Required("--model", "folder", "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file")
            .Sets(nameof(VerifyLogitsOptions.Model));
        Flag<string?> adapter = verb.Adapter();
        Flag<string> reference =
            verb.Required("--reference", "file",
                "safetensors file with input_ids [batch, tokens], and pairs position_ids.NAME [batch, tokens], logits.NAME [batch, " +
                "tokens, vocabulary]").Sets(nameof(VerifyLogitsOptions.Reference));
        Flag<double> tolerance =
            verb.Number("--atol", "absolute tolerance: largest difference of a logit that passes",
                new VerifyLogitsOptions { Model = "", Reference = "" }.Tolerance).Sets(nameof(VerifyLogitsOptions.Tolerance));
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        var json = new JsonFlag<Verification>(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            var options =
                new VerifyLogitsOptions
                {
                    Model = model.ValueOf(parse),
                    Reference = reference.ValueOf(parse),
                    Rope = rope.Of(parse),
                    Compute = compute.Of(parse),
                    Adapter = adapter.ValueOf(parse),
                    Tolerance = tolerance.ValueOf(parse)
                };
            Verification verification = VerifyLogits.Run(options, screen.Notes, stop);
            json.Show(parse, screen, verification, () =>
                screen.Table(new ResultTable("Logits", ["positions", "largest difference", ""],
                    [.. verification.Differences.Select(d =>
                        (IReadOnlyList<string>)[d.Name, $"{d.Largest:0.00e+00}", d.Passes ? "ok" : "FAIL"])])));
            if (verification.Passes)
            {
                return ExitCode.Success;
            }
            screen.Error(
                $"{options.Model}: logits differ from {options.Reference} by more than " +
                $"{options.Tolerance}.{(verification.Hint is { } hint ? " " + hint : "")}");
            return ExitCode.CheckFailed;
        });
        return verb;
    }
}
