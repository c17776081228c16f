using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Numerics;

namespace Skipwise.Tests.Training;

/// <summary>A model and examples small enough to train in a test.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 50;

    public static CausalLM Create(bool tied = true, ulong seed = 1)
    {
        var model = new CausalLM(new DecoderConfig
        {
            VocabSize = Vocabulary,
            HiddenSize = 16,
            IntermediateSize = 24,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = 4,
            MaxPositionEmbeddings = 64,
            TieWordEmbeddings = tied,
        });
        WeightInit.Draw(model, seed);
        return model;
    }

    /// <summary>Random tokens; some labels are ignored, so that counting matters.</summary>
    public sealed class Examples(int count, int shortest, int longest) : IExampleSource
    {
        public int Count => count;

        public TrainingExample this[int epoch, int index]
        {
            get
            {
                var rng = new KeyedRandom(7, (ulong)epoch, (ulong)index);
                int length = rng.Between(shortest, longest);
                int[] ids = new int[length], positions = new int[length], labels = new int[length];
                for (int t = 0; t < length; t++)
                {
                    ids[t] = rng.Between(0, Vocabulary - 1);
                    positions[t] = t == 0 ? 0 : positions[t - 1] + rng.Between(1, 3);
                    labels[t] = rng.Chance(0.2) ? TrainingExample.IgnoredLabel : ids[t];
                }
                return new(ids, positions, labels);
            }
        }
    }
}
