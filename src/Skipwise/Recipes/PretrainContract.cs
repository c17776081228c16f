using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>Values that decide the bytes of a pretrained model, see <see cref="RunContract"/>. Its text follows from the seed.</summary>
internal static class PretrainContract
{
    /// <summary>All values.</summary>
    /// <param name="options">options of the run</param>
    /// <param name="training">training options of one stage</param>
    public static RunContract Complete(PretrainOptions options, TrainOptions training) => RunContract.Complete(
        [.. OfOptions(options), TrainingValues.OfSteps(training.Steps), .. TrainingValues.Of(training)]);

    /// <summary>Values that both stages share.</summary>
    public static RunContract Partial(PretrainOptions options) => RunContract.Partial(OfOptions(options));

    private static NamedValue[] OfOptions(PretrainOptions options) =>
    [
        NamedValue.Of("seed", options.Seed),
        NamedValue.Of("context_length", options.ContextLength),
        NamedValue.Of("vocab_size", options.VocabSize),
        NamedValue.Of("hidden_size", options.HiddenSize),
        NamedValue.Of("intermediate_size", options.IntermediateSize),
        NamedValue.Of("num_hidden_layers", options.NumHiddenLayers),
        NamedValue.Of("num_attention_heads", options.NumAttentionHeads),
        NamedValue.Of("rope_theta", options.RopeTheta),
        NamedValue.Of("list_steps", options.ListSteps),
        NamedValue.Of("corpus_steps", options.Steps),
        NamedValue.Of("corpus_documents", options.Documents),
        NamedValue.Of("corpus_learning_rate", options.LearningRate),
    ];
}
