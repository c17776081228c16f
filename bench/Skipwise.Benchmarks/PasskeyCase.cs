using Skipwise.Evaluation.Passkey;
using Skipwise.Models;
using Skipwise.Tokenizers;

namespace Skipwise.Benchmarks;

/// <summary>One passkey question of a full window: the prompt read in chunks, ten tokens generated with the cache.</summary>
internal sealed record PasskeyCase(string Name, int Steps, DecoderConfig Model, int Tokens) : BenchCase(Name, Steps)
{
    public override BenchWork Start(int steps)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny"));
        var options = new PasskeyOptions { Lengths = [Tokens], Trials = 1 };
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, options);
        CausalLM model = BenchModels.Create(Model, isBfloat16: IsBfloat16);
        void Ask() => PasskeyEvaluator.Evaluate(model, tokenizer, prompts, options);
        int tokens = prompts[0].InputIds.Length + options.MaxNewTokens;
        return new(Ask, tokens, StepFlops.Forward(Model, 1, tokens), Model, Rows: 512, [model]);
    }
}
