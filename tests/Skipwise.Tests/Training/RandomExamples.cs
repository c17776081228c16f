using Skipwise.Data;
using Skipwise.Numerics;

namespace Skipwise.Tests.Training;

/// <summary>Random tokens; some labels are ignored, so that counting matters.</summary>
internal sealed class RandomExamples(int count, int shortest, int longest) : IExampleSource
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
                ids[t] = rng.Between(0, TinyModel.Vocabulary - 1);
                positions[t] = t == 0 ? 0 : positions[t - 1] + rng.Between(1, 3);
                labels[t] = rng.Chance(0.2) ? TrainingExample.IgnoreIndex : ids[t];
            }
            return new(ids, positions, labels);
        }
    }
}
