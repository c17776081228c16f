using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Text;

namespace Skipwise.Benchmarks;

/// <summary>One passkey question of a full window: the prompt read in chunks, ten tokens generated with the cache.</summary>
internal sealed record PasskeyCase(string Name, int Steps, DecoderConfig Model, int Tokens) : BenchCase(Name, Steps)
{
    public override Measurement Measure(int steps)
    {
        ITokenizer tokenizer = Tokenizers.Load(Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny"));
        var options = new PasskeyOptions { Lengths = [Tokens], Trials = 1 };
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, options);
        using CausalLM model = BenchModels.Create(Model);
        void Ask() => Passkey.Measure(model, tokenizer, prompts, options);
        Ask();
        StepUsage[] usage = [.. Enumerable.Range(0, steps).Select(_ => StepUsage.Of(Ask))];
        int prompt = prompts[0].InputIds.Length;
        return new(prompt + options.MaxNewTokens, StepFlops.Forward(Model, 1, prompt + options.MaxNewTokens), usage, StepUsage.PeakRssMib(), MatmulRate.Measure(Model, 512));
    }
}
