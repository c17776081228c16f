using Skipwise.Checkpoints.HuggingFace;
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
    /// <param name="family">configuration of the model; null: a Llama of the options' size</param>
    public static RunContract Complete(PretrainOptions options, TrainOptions training, HfConfig? family = null) => RunContract.Complete(
        [.. OfOptions(options, family), TrainingValues.OfSteps(training.Steps), .. TrainingValues.Of(training)]);

    /// <summary>Values that both stages share.</summary>
    public static RunContract Partial(PretrainOptions options, HfConfig? family = null) =>
        RunContract.Partial(OfOptions(options, family));

    private static NamedValue[] OfOptions(PretrainOptions options, HfConfig? family) =>
    [
        .. family is null ? [] : (NamedValue[])[new("config", family.TextHash)],
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
